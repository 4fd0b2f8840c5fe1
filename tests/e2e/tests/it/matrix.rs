//! The fault matrix: whatever breaks, nobody is lost.
//!
//! Every row begins with a district in sync and three changes at its source: somebody renamed,
//! somebody new, somebody gone. Then something breaks, a run goes on, and is looked at; then the
//! fault is taken back and the next run must end in exactly the right roster. The README shows the
//! table that the test prints.

mod answers;
mod chains;
mod check;
mod clock;
mod crashes;
mod groups;
mod hosts;
mod nights;
mod records;
mod row;
mod scene;
mod scenes;
mod store;
mod tokens;
mod trees;

use e2e::World;
use row::Row;
use scene::Scene;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- fault matrix: begin -->";
const END: &str = "<!-- fault matrix: end -->";

/// Rows that share a world, one after the other.
struct Family {
    /// What they are about.
    about: &'static str,
    /// Where they begin.
    scene: fn() -> row::Step<'static, Scene>,
    /// The rows.
    rows: &'static [Row],
}

fn families() -> Vec<Family> {
    let units: fn() -> row::Step<'static, Scene> = || Box::pin(scenes::by_org_unit());
    let family = |about, scene, rows| Family { about, scene, rows };
    vec![
        family("Answers that are errors", units, answers::ERRORS),
        family("Answers that make no sense", units, answers::NONSENSE),
        family("Lists of people", units, chains::ROWS),
        family("The tree of org units", units, trees::ROWS),
        family("Records", units, records::ROWS),
        family(
            "Rules by one group",
            || Box::pin(scenes::by_group()),
            groups::NAMED,
        ),
        family(
            "Rules by all groups",
            || Box::pin(scenes::by_filter()),
            groups::ALL,
        ),
        family("The authorisation", units, tokens::ROWS),
        family("The store fails once", units, store::ROWS),
        family("The host is killed", units, crashes::ROWS),
        family("The clock", units, clock::ROWS),
        family("The night", units, nights::ROWS),
        family("Two hosts", units, hosts::ROWS),
    ]
}

/// The table, with a part for each family.
fn table(families: &[Family]) -> String {
    let mut table = String::new();
    for family in families {
        let rows = family.rows.iter().map(Row::line).collect::<Vec<_>>();
        let _ = write!(
            table,
            "\n| {} | what must happen | the run | changes applied | accounts lost |\n\
             |---|---|---|--:|--:|\n{}\n",
            family.about,
            rows.join("\n")
        );
    }
    table
}

/// Runs a family's rows, and gives what is wrong. After a row that fails the world is made anew.
async fn run(family: Family) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut kept = None;
    for row in family.rows {
        let scene = match kept.take() {
            Some(scene) => Ok(scene),
            None => (family.scene)().await,
        };
        let checked = match scene {
            Ok(mut scene) => check::row(&mut scene, row).await.map(|()| scene),
            Err(error) => Err(error),
        };
        match checked {
            Ok(scene) => kept = Some(scene),
            Err(error) => wrong.push(format!("{}: {error:#}", row.fault)),
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_matrix_whatever_breaks_nobody_is_lost() {
    // The components are compiled by the first host, and read by the others.
    drop(World::of(1).await.unwrap());
    let table = table(&families());
    let families = families().into_iter();
    let running: Vec<_> = families.map(|family| tokio::spawn(run(family))).collect();
    let mut wrong = Vec::new();
    for running in running {
        wrong.extend(running.await.unwrap());
    }
    assert!(
        wrong.is_empty(),
        "{} rows are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    #[expect(clippy::print_stdout, reason = "the table is what this test shows")]
    {
        println!("{table}");
    }
}

#[test]
fn fault_matrix_in_the_readme_is_the_one_that_is_run() {
    let families = families();
    let mut names: Vec<_> = families
        .iter()
        .flat_map(|family| family.rows)
        .map(|row| row.fault)
        .collect();
    names.sort_unstable();
    assert!(
        names.windows(2).all(|two| two[0] != two[1]),
        "a name stands for two rows"
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let shown = readme
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END));
    let shown = shown.unwrap().0.trim();
    let table = table(&families);
    assert!(
        shown == table.trim(),
        "the README has to show this between its marks:\n{table}"
    );
}

//! OneRoster packages, sound and as they are met.

use crate::reading::{drain, open, unpack};
use connectors::files::csv::Rows;
use connectors::files::kind::Kind;
use connectors::files::oneroster::{
    Mode, Notice, Package, PackageError, PackageRow, RoleRow, Table, TableNotice, TableReader,
    TableTaken, UserRow, Version, fold,
};
use connectors::files::roster::{RowProblem, RowReason};
use connectors::files::zip::Writer;
use jiff::civil::{Date, date};
use mapping::account::Role;
use mapping::ids::ExternalId;
use mapping::schooling::SchoolKind;
use mapping::source::SourceRecord;
use std::collections::{BTreeMap, BTreeSet};

const TODAY: Date = date(2026, 11, 27);

/// Everything that is in a package.
#[derive(Default)]
struct Contents {
    version: Option<Version>,
    notices: Vec<Notice>,
    tables: BTreeSet<(Table, TableNotice)>,
    users: Vec<UserRow>,
    roles: Vec<RoleRow>,
    others: Vec<PackageRow>,
    kinds: BTreeMap<ExternalId, SchoolKind>,
    gone: Vec<(Table, ExternalId)>,
    refused: Vec<Option<ExternalId>>,
    problems: Vec<RowProblem>,
}

impl Contents {
    fn read(files: &[(&str, &str)]) -> Result<Self, PackageError> {
        let mut zip = Writer::new();
        for (name, text) in files {
            zip.add(name, text.as_bytes());
        }
        let bytes = zip.finish();
        let directory = open(&bytes).unwrap();
        let names = || directory.entries().iter().map(|entry| entry.name.as_str());
        assert_eq!(Kind::of_names(names()), Ok(Kind::Package));
        let whole = |path: &str| unpack(&bytes, directory.find(path).unwrap(), 100).unwrap();
        let manifest = Package::manifest_path(names()).map(whole);
        let package = Package::survey(names(), manifest.as_deref())?;
        let mut contents = Self {
            version: Some(package.version),
            notices: package.notices,
            ..Self::default()
        };
        for file in package.files {
            contents.read_table(file.table, file.mode, &whole(&file.path))?;
        }
        Ok(contents)
    }

    fn read_table(&mut self, table: Table, mode: Mode, bytes: &[u8]) -> Result<(), PackageError> {
        let mut reader = TableReader::new(table, mode);
        for (row, _) in drain(&mut Rows::default(), bytes, 64).unwrap() {
            let (taken, problems) = match reader.read(&row)? {
                TableTaken::Header => continue,
                TableTaken::Refused { problems, id } => {
                    self.refused.push(id);
                    self.problems.extend(problems);
                    continue;
                }
                TableTaken::Row(taken, problems) => (*taken, problems),
            };
            // What is stored reads back.
            let json = serde_json::to_string(&(&taken, &reader)).unwrap();
            assert_eq!(
                serde_json::from_str::<(PackageRow, TableReader)>(&json).unwrap(),
                (taken.clone(), reader.clone())
            );
            self.problems.extend(problems);
            match taken {
                PackageRow::User(user) => self.users.push(user),
                PackageRow::Role(role) => self.roles.push(role),
                PackageRow::Gone(table, id) => self.gone.push((table, id)),
                PackageRow::Org(school) => {
                    self.kinds.insert(school.id.clone(), school.kind);
                    self.others.push(PackageRow::Org(school));
                }
                other => self.others.push(other),
            }
        }
        self.tables
            .extend(reader.finish()?.iter().map(|notice| (table, *notice)));
        Ok(())
    }

    fn record(&self, id: &str) -> SourceRecord {
        let user = self
            .users
            .iter()
            .find(|user| user.id.as_str() == id)
            .unwrap();
        let roles: Vec<RoleRow> = self
            .roles
            .iter()
            .filter(|role| role.user == user.id)
            .cloned()
            .collect();
        fold(
            user.clone(),
            &roles,
            |org| self.kinds.get(org).copied(),
            TODAY,
        )
    }

    fn said(&self) -> Vec<String> {
        self.problems.iter().map(ToString::to_string).collect()
    }
}

const USERS_11: &str = "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,\
    userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\r\n";
const ORGS: &str = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n\
    D-1,,,Maple Grove,district,,\r\nHS-01,,,Maple High,school,340001,D-1\r\n\
    MS-02,,,Maple Middle,school,,D-1\r\n";

fn users_11(rows: &str) -> String {
    format!("{USERS_11}{rows}")
}

#[test]
fn a_1_1_user_has_one_role_in_all_orgs() {
    let users = users_11(
        "u-1,,,true,\"D-1,HS-01,MS-02\",teacher,dokafor,\"{LDAP:dokafor},{Fed:a:b}\",Dana,Okafor,,20417,\
         Dana.Okafor@maple.example,,,,,s3cret\r\n\
         u-2,,,true,HS-01,student,,,Ann,Lee,,,ann@maple.example,,,,\"09,10\",\r\n\
         u-3,,,true,D-1,administrator,,,Ida,Ray,,,ida@maple.example,,,,,\r\n\
         u-4,,,false,HS-01,administrator,,,Per,Ek,,,per@maple.example,,,,,\r\n\
         u-5,,,true,HS-01,guardian,,,Eve,Lee,,,eve@home.example,,,,,\r\n",
    );
    let contents = Contents::read(&[
        (
            "manifest.csv",
            "propertyName,value\r\noneroster.version,1.1\r\nfile.users,bulk\r\nfile.orgs,bulk\r\n",
        ),
        ("users.csv", &users),
        ("orgs.csv", ORGS),
    ])
    .unwrap();
    assert_eq!(contents.version, Some(Version::V1p1));
    assert_eq!(contents.said(), [""; 0]);
    let json = |id: &str| serde_json::to_string(&contents.record(id)).unwrap();
    insta::assert_snapshot!(json("u-1"), @r#"{"i":"u-1","e":"dana.okafor@maple.example","v":true,"u":"dokafor","g":"Dana","f":"Okafor","p":[{"s":"HS-01","r":"teacher"},{"s":"MS-02","r":"teacher"}]}"#);
    insta::assert_snapshot!(json("u-2"), @r#"{"i":"u-2","e":"ann@maple.example","v":true,"g":"Ann","f":"Lee","p":[{"s":"HS-01","r":"student","g":"09"}],"d":"09"}"#);
    insta::assert_snapshot!(json("u-3"), @r#"{"i":"u-3","e":"ida@maple.example","v":true,"g":"Ida","f":"Ray","r":["admin"]}"#);
    insta::assert_snapshot!(json("u-4"), @r#"{"i":"u-4","e":"per@maple.example","v":true,"g":"Per","f":"Ek","p":[{"s":"HS-01","r":"admin"}],"s":true}"#);
    insta::assert_snapshot!(json("u-5"), @r#"{"i":"u-5","e":"eve@home.example","v":true,"g":"Eve","f":"Lee","r":["parent"]}"#);
}

#[test]
fn a_1_2_users_roles_are_in_a_file_of_their_own() {
    let contents = Contents::read(&[
        ("manifest.csv", "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,1.2\r\nfile.users,bulk\r\nfile.roles,bulk\r\nfile.results,absent\r\n"),
        ("users.csv", "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,email,grades,userMasterIdentifier\r\nu-1,,,true,,Dana,Okafor,dana@maple.example,,MG-1\r\nu-2,,,true,,Ann,Lee,,KG,\r\n"),
        ("roles.csv", "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\r\n\
          r-1,,,u-1,primary,teacher,2026-08-10,,HS-01,\r\n\
          r-2,,,u-1,secondary,siteAdministrator,2026-08-10,2027-06-15,MS-02,\r\n\
          r-3,,,u-1,secondary,counselor,2025-08-10,2026-06-15,HS-01,\r\n\
          r-4,,,u-1,secondary,districtAdministrator,2027-01-01,,D-1,\r\n\
          r-5,,,u-1,secondary,ext:crossingGuard,,,HS-01,\r\n\
          r-6,,,u-2,primary,student,,,XX-99,\r\n"),
        ("orgs.csv", ORGS),
    ])
    .unwrap();
    assert_eq!(contents.version, Some(Version::V1p2));
    assert_eq!(
        contents.said(),
        [
            "roles.csv, line 6, role \"ext:crossingGuard\" is a role that is not known here, and was left out"
        ]
    );
    let dana = contents.record("u-1");
    let placed: Vec<(&str, Role)> = dana
        .placements
        .iter()
        .map(|placement| (placement.school.as_str(), placement.role))
        .collect();
    assert_eq!(placed, [("HS-01", Role::Teacher), ("MS-02", Role::Admin)]);
    assert!(dana.roles.is_empty());
    // A school that is not shown is a school.
    let ann = contents.record("u-2");
    assert_eq!(ann.placements.first().unwrap().grade.as_deref(), Some("KG"));
    assert_eq!(ann.email, None);
}

#[test]
fn classes_and_who_is_in_them_are_read() {
    let contents = Contents::read(&[
        ("users.csv", &users_11("u-1,,,true,HS-01,teacher,,,D,O,,,d@maple.example,,,,,\r\n")),
        ("academicSessions.csv", "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\r\nT-1,,,Semester 1,semester,2026-08-10,2026-12-20,FY27,2027\r\n"),
        ("courses.csv", "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes\r\ncrs-1,,,FY27,Biology,SCI-101,09,HS-01,Science,\r\n"),
        ("classes.csv", "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods\r\nc-1,,,Biology P3,\"9,10\",crs-1,BIO-3,scheduled,B204,HS-01,\"T-1,T-2\",Science,,3\r\n"),
        ("enrollments.csv", "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\r\ne-1,,,c-1,HS-01,u-1,teacher,TRUE,2026-08-10,2027-06-15\r\ne-2,,,c-1,HS-01,u-2,student,false,,\r\ne-3,,,c-1,HS-01,u-3,administrator,false,,\r\n"),
        ("demographics.csv", "sourcedId,birthDate\r\nu-1,1990-01-01\r\n"),
    ])
    .unwrap();
    assert_eq!(contents.notices, [Notice::WithoutManifest]);
    insta::assert_snapshot!(
        serde_json::to_string(&contents.others).unwrap(),
        @r#"[{"y":{"i":"T-1","t":"Semester 1","k":"semester","b":"2026-08-10","e":"2026-12-20","p":"FY27"}},{"u":{"i":"crs-1","t":"Biology","c":"SCI-101"}},{"c":{"i":"c-1","t":"Biology P3","c":"BIO-3","s":"HS-01","u":"crs-1","y":["T-1","T-2"],"g":["09","10"],"j":["Science"],"d":["3"]}},{"e":["c-1",{"x":"u-1","r":"teacher","l":true,"b":"2026-08-10","e":"2027-06-15"}]},{"e":["c-1",{"x":"u-2","r":"student"}]},{"e":["c-1",{"x":"u-3","r":"staff"}]}]"#
    );
}

#[test]
fn f2_a_mark_and_f9_a_folder_and_f8_wrong_case_and_spelling_are_tolerated() {
    let contents = Contents::read(&[
        ("MapleExport/Users.CSV", "\u{FEFF}SOURCEDID,Status,dataLastModified,enabledUser,username,givenname,familyName,prefferedGivenName,email\r\nu-1,,,TRUE,x,Dana,Okafor,D,dana@maple.example\r\n"),
        ("MapleExport/roles.csv", "dataLastModified,role,orgSourcedId,userSourcedId,sourcedId,metadata.x,metadata.x\r\n,Teacher,HS-01,u-1,r-1,,\r\n"),
        ("MapleExport/userprofiles.csv", "sourcedId\r\n"),
        ("__MACOSX/MapleExport/._users.csv", "junk"),
        ("MapleExport/.hidden.csv", "junk"),
    ])
    .unwrap();
    assert_eq!(contents.version, Some(Version::V1p2));
    let dana = contents.record("u-1");
    assert_eq!(dana.given_name, "Dana");
    assert!(!dana.suspended);
    assert_eq!(dana.placements.first().unwrap().role, Role::Teacher);
}

#[test]
fn f6_a_manifest_may_be_wrong_about_absence_and_files_about_their_mode() {
    let manifest = "propertyName,value\nfile.users,absent\nfile.orgs,delta\n";
    let users = users_11(
        "u-1,active,2026-11-01T00:00:00.000Z,true,HS-01,student,,,A,B,,,,,,,,\r\nu-2,tobedeleted,,true,HS-01,student,,,A,B,,,,,,,,\r\nu-3,INACTIVE,,,,,,,,,,,,,,,,\r\n",
    );
    let contents = Contents::read(&[
        ("manifest.csv", manifest),
        ("users.csv", &users),
        ("orgs.csv", "sourcedId,name,type\nHS-01,Maple,school\n"),
    ])
    .unwrap();
    let file = "users.csv".to_owned();
    assert_eq!(contents.notices, [Notice::ThereThoughAbsent { file }]);
    assert_eq!(
        contents.tables.into_iter().collect::<Vec<_>>(),
        [
            (Table::Orgs, TableNotice::DeltaWithoutDates),
            (Table::Users, TableNotice::BulkWithStatus),
        ]
    );
    assert_eq!(contents.users.len(), 1);
    let gone: Vec<&str> = contents.gone.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(gone, ["u-2", "u-3"]);
}

#[test]
fn f7_booleans_and_dates_have_many_spellings() {
    let roles = "userSourcedId,role,orgSourcedId,beginDate,endDate\n\
                 u-1,student,HS-01,2026-08-10T00:00:00.000Z,2027-06-15 00:00\n\
                 u-1,student,MS-02,8/10/26,\n";
    let users = users_11("u-1,,2023-05-01,FALSE,,,,,A,B,,,,,,,,\r\n");
    let contents = Contents::read(&[("users.csv", &users), ("roles.csv", roles)]).unwrap();
    assert!(contents.record("u-1").suspended);
    assert_eq!(contents.roles[0].begins_on, Some(date(2026, 8, 10)));
    assert_eq!(contents.roles[0].ends_on, Some(date(2027, 6, 15)));
    assert_eq!(
        contents.said(),
        [
            "roles.csv, line 3, beginDate \"8/10/26\" is not a day such as 2026-08-10, and was read as empty"
        ]
    );
}

#[test]
fn f3_an_id_that_was_rounded_is_refused() {
    let users = users_11(
        "1.23E+11,,,true,HS-01,student,,,A,B,,,,,,,,\r\n,,,true,HS-01,student,,,A,B,,,,,,,,\r\n00417,,,true,HS-01,student,,,A,B,,,nowhere,,,,,\r\n",
    );
    let contents = Contents::read(&[("users.csv", &users)]).unwrap();
    let reasons: Vec<&RowReason> = contents
        .problems
        .iter()
        .map(|problem| &problem.reason)
        .collect();
    assert_eq!(
        reasons,
        [
            &RowReason::BadId,
            &RowReason::WithoutId,
            &RowReason::EmailLeftOut
        ]
    );
    assert_eq!(contents.users[0].id.as_str(), "00417");
    assert!(!contents.said().concat().contains("nowhere"));
}

#[test]
fn f10_passwords_in_a_package_are_dropped() {
    let users = users_11("u-1,,,true,HS-01,student,,,A,B,,,a@b.example,,,,,s3cret\r\n");
    let contents = Contents::read(&[("users.csv", &users)]).unwrap();
    assert!(!format!("{:?}", contents.users).contains("s3cret"));
}

#[test]
fn a_refused_row_still_says_who_is_there() {
    let users = users_11(&format!(
        "u-1,,,true,HS-01,student,,,{},B,,,,,,,,\r\n",
        "x".repeat(300)
    ));
    let contents = Contents::read(&[("users.csv", &users)]).unwrap();
    assert_eq!(contents.refused, [ExternalId::parse("u-1").ok()]);
}

#[test]
fn packages_of_sds_are_read() {
    let contents = Contents::read(&[
        ("orgs.csv", "sourcedId,name,type,parentSourcedId\ns1,Maple,school,\n"),
        ("users.csv", "sourcedId,username,givenName,familyName,password,activeDirectoryMatchId,email,phone,sms\nu1,dana,Dana,Okafor,,dana@maple.example,,,\n"),
        ("roles.csv", "userSourcedId,orgSourcedId,role,sessionSourcedId,grade,isPrimary,roleStartDate,roleEndDate\nu1,s1,student,,9,true,2026-08-01,\n"),
        ("classes.csv", "sourcedId,orgSourcedId,title,sessionSourcedIds,courseSourcedId\nc1,s1,Biology,t1,\n"),
        ("enrollments.csv", "classSourcedId,userSourcedId,role\nc1,u1,student\n"),
    ])
    .unwrap();
    assert_eq!(contents.said(), [""; 0]);
    let dana = contents.record("u1");
    assert_eq!(dana.email.unwrap().as_str(), "dana@maple.example");
    assert_eq!(dana.grade.as_deref(), Some("09"));
    assert_eq!(contents.others.len(), 3);
    let older = "sourcedId,orgSourcedIds,givenName,familyName,username,password,role,grade\nu1,s1,Dana,Okafor,,,student,9\n";
    let contents = Contents::read(&[("users.csv", older)]).unwrap();
    assert_eq!(
        contents
            .record("u1")
            .placements
            .first()
            .unwrap()
            .grade
            .as_deref(),
        Some("09")
    );
}

#[test]
fn packages_that_lack_something_are_refused() {
    let users = users_11("");
    let check = |files: &[(&str, &str)]| Contents::read(files).err().map(|error| error.to_string());
    for (files, wanted) in [
        (
            vec![("orgs.csv", ORGS)],
            "the zip has no users.csv: send the whole OneRoster package",
        ),
        (
            vec![("a/users.csv", users.as_str()), ("b/users.csv", &users)],
            "the zip holds users.csv in two places: pack one package at a time",
        ),
        (
            vec![
                ("manifest.csv", "propertyName,value\nfile.orgs,bulk\n"),
                ("users.csv", &users),
            ],
            "the manifest announces orgs.csv, which is not in the zip: export the package again",
        ),
        (
            vec![
                ("manifest.csv", "name,value\nfile.orgs,bulk\n"),
                ("users.csv", &users),
            ],
            "manifest.csv does not have the columns propertyName and value",
        ),
        (
            vec![("users.csv", "id,name\n1,x\n")],
            "users.csv has no column sourcedId",
        ),
        (
            vec![("users.csv", "")],
            "users.csv is empty: not even its header is there",
        ),
        (
            vec![("users.csv", "sourcedId,email,Email\n")],
            "users.csv has the column email twice",
        ),
        (
            vec![
                ("manifest.csv", "propertyName,value\n\"open"),
                ("users.csv", &users),
            ],
            "manifest.csv can't be read: line 2 begins a row that does not end: a quotation mark is \
             not closed, or the file is cut short",
        ),
    ] {
        assert_eq!(check(&files).as_deref(), Some(wanted));
    }
    // A delta may have no people.
    let delta = "propertyName,value\nfile.orgs,delta\nfile.users,absent\n";
    assert_eq!(check(&[("manifest.csv", delta), ("orgs.csv", ORGS)]), None);
}

#[test]
fn the_order_of_columns_does_not_matter() {
    let users = "email,role,familyName,givenName,orgSourcedIds,sourcedId\na@b.example,Student,B,A,HS-01,u-1\n";
    let contents = Contents::read(&[("users.csv", users)]).unwrap();
    let record = contents.record("u-1");
    assert_eq!(
        (record.given_name.as_str(), record.family_name.as_str()),
        ("A", "B")
    );
}

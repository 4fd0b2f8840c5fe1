//! What a password has to be like that a person chooses (NIST SP 800-63B section 5.1.1.2: long
//! enough, and not one that everybody tries first; nothing else is asked for).

use crate::passwords::{PASSWORD_BYTES_MAX, PasswordDigest};
use mapping::account::{Account, Email};

/// Fewest characters.
pub const CHARACTERS_MIN: usize = 8;

/// Fewest characters of a name that a password may not have in it. Shorter ones are in many words.
const NAME_CHARACTERS_MIN: usize = 4;

/// Fewest different characters.
const DIFFERENT_MIN: usize = 4;

/// The passwords that everybody tries first, in lower case, as far as they are long enough, with
/// spaces between.
const COMMON: &str = "\
    000000000 0123456789 11111111 1111111111 123123123 12341234 12344321 12345678 123456789 \
    1234567890 123456789a 1234qwer 12qwaszx 147258369 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 87654321 \
    987654321 9876543210 aa123456 abc12345 abcd1234 abcdefgh administrator alexander animals1 \
    asdf1234 asdfasdf asdfghjk asdfghjkl baseball baseball1 basketball butterfly changeme \
    charlie1 cheerleader chocolate computer dinosaur dinosaur1 dragon123 elephant football \
    football1 fortnite fortnite1 fortnite123 freedom1 google123 gymnastics hello123 hellokitty \
    hockey123 iloveyou iloveyou1 iloveyou2 internet jennifer jessica1 jordan23 letmein1 \
    letmein123 liverpool lovelove loveyou1 master123 michael1 michelle minecraft minecraft1 \
    minecraft123 monkey123 newpassword p@ssw0rd p@ssword pa55word pass1234 passw0rd password \
    password! password1 password1! password12 password123 password1234 pokemon1 pokemon123 \
    princess princess1 purple123 q1w2e3r4 qazwsxedc qwer1234 qwerasdf qwerty12 qwerty123 \
    qwerty1234 qwertyui qwertyuiop rainbow1 roblox123 samsung1 school12 school123 shadow123 \
    skateboard slipknot soccer12 soccer123 softball spiderman starwars starwars1 student1 \
    student123 summer123 sunflower sunshine sunshine1 superman superman1 superstar teacher1 \
    teacher123 test1234 trustno1 unicorn1 unicorns volleyball welcome1 welcome123 whatever \
    william1 winter123 zaq12wsx zxcvbnm1 zxcvbnm123";

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Weakness {
    /// One that everybody tries first.
    #[error("This password is one of those that everybody tries first. Choose another one.")]
    Common,
    /// Longer than anybody types.
    #[error("A password may have at most {PASSWORD_BYTES_MAX} characters.")]
    Long,
    /// It has the name to sign in with in it.
    #[error("The password may not have your email address or username in it.")]
    Name,
    /// The one there was.
    #[error("This is the password that you had. Choose another one.")]
    Old,
    /// It was not typed twice alike.
    #[error("The two passwords are not alike. Type the same one twice.")]
    Repeated,
    /// Too short.
    #[error("A password needs at least {CHARACTERS_MIN} characters.")]
    Short,
}

/// Checks a password, given twice, for an account that had another one.
pub(super) fn check(
    account: &Account,
    old: &PasswordDigest,
    (new, again): (&str, &str),
) -> Result<(), Weakness> {
    if new != again {
        return Err(Weakness::Repeated);
    }
    if new.len() > PASSWORD_BYTES_MAX {
        return Err(Weakness::Long);
    }
    if new.chars().count() < CHARACTERS_MIN {
        return Err(Weakness::Short);
    }
    let lower = new.to_lowercase();
    let email = account.email.as_ref();
    let names = [
        email.map(Email::as_str),
        email.map(Email::local_part),
        account.username.as_deref(),
    ];
    let has = |name: &str| {
        let name = name.to_lowercase();
        name == lower || name.chars().count() >= NAME_CHARACTERS_MIN && lower.contains(&name)
    };
    if names.into_iter().flatten().any(has) {
        return Err(Weakness::Name);
    }
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let is_common = COMMON.split(' ').any(|common| common == lower);
    if is_common || different.len() < DIFFERENT_MIN {
        return Err(Weakness::Common);
    }
    if old.is_of(new) {
        return Err(Weakness::Old);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryPorts;
    use crate::signin::testing::account;

    #[test]
    fn a_password_is_long_enough_new_and_none_that_everybody_tries() {
        let ports = MemoryPorts::new();
        let old = PasswordDigest::slow(&ports, "blue parrot 7").unwrap();
        let mut of = account("a1", &[]);
        of.email = Some(Email::parse("dokafor@maple.example").unwrap());
        of.username = Some("dana.o".to_owned());
        let long = "ab12".repeat(PASSWORD_BYTES_MAX / 4) + "x";
        let longest = &long[..PASSWORD_BYTES_MAX];
        for (new, expected) in [
            ("", Err(Weakness::Short)),
            ("seven77", Err(Weakness::Short)),
            ("ééééééé", Err(Weakness::Short)),
            (&long, Err(Weakness::Long)),
            ("Password1", Err(Weakness::Common)),
            ("aaaaaaaaaaaa", Err(Weakness::Common)),
            ("my-DOKAFOR-9", Err(Weakness::Name)),
            ("Dana.O+2026", Err(Weakness::Name)),
            ("dokafor@maple.example", Err(Weakness::Name)),
            ("blue parrot 7", Err(Weakness::Old)),
            ("green parrot", Ok(())),
            (" ünïcödé ", Ok(())),
            (longest, Ok(())),
        ] {
            assert_eq!(check(&of, &old, (new, new)), expected, "{new:.30}");
        }
        let refused = check(&of, &old, ("green parrot", "green parrot "));
        assert_eq!(refused, Err(Weakness::Repeated));
    }

    #[test]
    fn the_common_ones_are_in_lower_case_and_long_enough_to_matter() {
        assert!(COMMON.split(' ').count() > 100);
        for common in COMMON.split(' ') {
            assert_eq!(common, common.to_lowercase());
            assert!(common.chars().count() >= CHARACTERS_MIN, "{common}");
        }
    }
}

//! What a column holds.

use crate::files::words;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The email address.
    Email,
    /// The family name.
    Family,
    /// The given name.
    Given,
    /// The grade, of a student.
    Grade,
    /// The number by which the district knows the person.
    Id,
    /// The password to begin with.
    Password,
    /// What was wrong with the row when it was sent before; ours, and ignored.
    Problem,
    /// The role.
    Role,
    /// The name of the school.
    School,
    /// Another name to sign in with.
    Username,
}

impl Field {
    /// What a column of this name holds; `None` for one that we don't read.
    pub fn of_header(name: &str) -> Option<Self> {
        Some(match words::key(name).as_str() {
            "email"
            | "emailaddress"
            | "emailid"
            | "mail"
            | "primaryemail"
            | "schoolemail"
            | "staffemail"
            | "studentemail"
            | "studentemailaddress"
            | "teacheremail"
            | "teacheremailaddress"
            | "useremail"
            | "workemail" => Field::Email,
            "family" | "familyname" | "last" | "lastname" | "legallastname" | "lname"
            | "studentlastname" | "surname" | "teacherlastname" => Field::Family,
            "first" | "firstname" | "fname" | "forename" | "given" | "givenname"
            | "legalfirstname" | "studentfirstname" | "teacherfirstname" => Field::Given,
            "currentgrade" | "grade" | "gradelevel" | "gradeyear" | "studentgrade"
            | "yeargroup" => Field::Grade,
            "employeeid" | "employeenumber" | "externalid" | "id" | "idnumber" | "localid"
            | "personid" | "sisid" | "staffid" | "stateid" | "studentid" | "studentnumber"
            | "teacherid" | "teachernumber" | "uniqueid" => Field::Id,
            "initialpassword" | "pass" | "password" | "pwd" | "temporarypassword" => {
                Field::Password
            }
            "problem" => Field::Problem,
            "persontype" | "role" | "userrole" | "usertype" => Field::Role,
            "building" | "campus" | "org" | "organisation" | "organization" | "school"
            | "schoolname" | "site" => Field::School,
            "login" | "loginid" | "loginname" | "signinname" | "user" | "userid" | "username" => {
                Field::Username
            }
            _ => return None,
        })
    }

    /// Its name in the template.
    pub fn header(self) -> &'static str {
        match self {
            Field::Email => "Email address",
            Field::Family => "Last Name",
            Field::Given => "First Name",
            Field::Grade => "Grade",
            Field::Id => "ID",
            Field::Password => "Password",
            Field::Problem => "Problem",
            Field::Role => "Role",
            Field::School => "School",
            Field::Username => "Username",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.header())
    }
}

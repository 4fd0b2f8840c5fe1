//! Which addresses are used, and why the others are not.

use connectors::oneroster::Version;
use connectors::oneroster::address::{AddressRefusal, AllowList, check, service};

fn list(text: &str) -> AllowList {
    AllowList::parse(text).unwrap()
}

#[test]
fn a_public_address_is_used_where_any_is_allowed() {
    for text in [
        "https://sis.maplegrove.example",
        "https://sis.maplegrove.example:443/campus/api/",
        "https://sis.maplegrove.example:8443/ims/oneroster/v1p1",
        "HTTPS://SIS.MapleGrove.Example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://100.128.0.1",
        "https://172.32.0.1",
        "https://xn--rger-koa.example",
        "https://1.2.3.4.example",
    ] {
        assert!(
            check(text, &list("*")).is_ok(),
            "{text} {:?}",
            check(text, &list("*"))
        );
    }
}

#[test]
fn an_address_that_is_not_public_is_never_used() {
    for text in [
        "https://localhost",
        "https://LOCALHOST:8443/",
        "https://a.localhost",
        "https://printer.local",
        "https://metadata.google.internal",
        "https://sis.lan",
        "https://intranet",
        "https://sis",
        "https://127.0.0.1.nip.io",
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://017700000001",
        "https://0x7f000001",
        "https://0x7f.1",
        "https://0X7F.0.0.1",
        "https://0177.0.0.1",
        "https://127.0.0.01",
        "https://8.8.8.010",
        "https://0x08.8.8.8",
        "https://0.0.0.0",
        "https://10.0.0.1",
        "https://172.16.0.1",
        "https://172.31.255.255",
        "https://192.168.1.1",
        "https://169.254.169.254",
        "https://168.63.129.16",
        "https://100.64.0.1",
        "https://100.100.100.200",
        "https://192.0.0.192",
        "https://192.0.2.1",
        "https://198.18.0.1",
        "https://198.51.100.1",
        "https://203.0.113.1",
        "https://224.0.0.1",
        "https://240.0.0.1",
        "https://255.255.255.255",
        "https://1.2.3.4.5",
        "https://999.1.1.1",
        "https://[::]",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:8.8.8.8]",
        "https://[::ffff:a9fe:a9fe]",
        "https://[::7f00:1]",
        "https://[64:ff9b::a00:1]",
        "https://[2002:7f00:1::]",
        "https://[2001::1]",
        "https://[2001:db8::1]",
        "https://[fe80::1]",
        "https://[fec0::1]",
        "https://[fc00::1]",
        "https://[fd00:ec2::254]",
        "https://[ff02::1]",
        "https://[100::1]",
    ] {
        assert_eq!(
            check(text, &list("*")),
            Err(AddressRefusal::NotPublic),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_plain_address_is_refused() {
    for (text, refusal) in [
        ("", AddressRefusal::Form),
        ("sis.example", AddressRefusal::Form),
        ("/ims/oneroster", AddressRefusal::Form),
        ("https://", AddressRefusal::Form),
        ("https://a b.example", AddressRefusal::Form),
        ("https://sis.example/\n", AddressRefusal::NotAllowed),
        ("https://sis.example\r\nHost: x", AddressRefusal::Form),
        ("https://sis.example\\.evil.example", AddressRefusal::Form),
        ("https://sis.example/?x=1", AddressRefusal::Form),
        ("https://sis.example/#x", AddressRefusal::Form),
        ("https://sis.example/../admin", AddressRefusal::Form),
        ("https://sis.example/a/%2E%2e/b", AddressRefusal::Form),
        ("https://sis..example", AddressRefusal::Form),
        ("https://sis.example.", AddressRefusal::Form),
        ("https://-sis.example", AddressRefusal::Form),
        ("https://s_s.example", AddressRefusal::Form),
        ("https://ünï.example", AddressRefusal::Form),
        ("https://[::1", AddressRefusal::Form),
        ("https://user@sis.example", AddressRefusal::Credentials),
        (
            "https://user:secret@sis.example",
            AddressRefusal::Credentials,
        ),
        ("https://sis.example@127.0.0.1", AddressRefusal::Credentials),
        ("http://sis.example", AddressRefusal::Scheme),
        ("ftp://sis.example", AddressRefusal::Scheme),
        ("gopher://sis.example", AddressRefusal::Scheme),
    ] {
        // The list is empty: what has no fault of its own is not allowed.
        assert_eq!(check(text, &list("")), Err(refusal), "{text:?}");
    }
    let all = list("*");
    for port in ["80", "22", "6379", "65535"] {
        let text = format!("https://sis.example:{port}/");
        assert_eq!(check(&text, &all), Err(AddressRefusal::Port), "{text}");
    }
    for port in ["99999", "", "x"] {
        assert!(check(&format!("https://sis.example:{port}/"), &all).is_err());
    }
}

#[test]
fn only_what_the_operator_s_list_covers_is_used() {
    let allowed = list("sis.example, *.Rosterserver.com");
    for text in [
        "https://sis.example",
        "https://maple-01.rosterserver.com/ims/oneroster/v1p1",
    ] {
        assert!(check(text, &allowed).is_ok(), "{text}");
    }
    for text in [
        "https://evil.example",
        "https://x.sis.example",
        "https://rosterserver.com",
        "https://evilrosterserver.com",
        "https://rosterserver.com.evil.example",
    ] {
        assert_eq!(
            check(text, &allowed),
            Err(AddressRefusal::NotAllowed),
            "{text}"
        );
    }
    // An entry does not make an inner host public.
    assert_eq!(
        check("https://sis.local", &list("sis.local")),
        Err(AddressRefusal::NotPublic)
    );
}

#[test]
fn an_origin_of_the_list_is_used_as_it_is_and_nothing_beside_it() {
    let allowed = list("http://127.0.0.1:8080 https://sis.example:9443");
    assert!(check("http://127.0.0.1:8080/api", &allowed).is_ok());
    assert!(check("https://sis.example:9443", &allowed).is_ok());
    for text in [
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "http://127.0.0.1",
        "http://localhost:8080",
        "https://sis.example",
        "http://127.0.0.1:8080@evil.example",
        "http://x@127.0.0.1:8080",
    ] {
        assert!(check(text, &allowed).is_err(), "{text}");
    }
}

#[test]
fn a_list_with_something_else_in_it_is_refused() {
    for text in [
        "*.",
        "a/b",
        "https://a.example/path",
        "sis example:x/",
        "*.*.example",
        "ftp://a.example",
        "user@a.example",
    ] {
        assert!(AllowList::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_service_of_a_checked_address_is_found() {
    let found = service(
        "https://sis.example/campus/ims/oneroster",
        Version::V1_2,
        &list("*"),
    );
    assert_eq!(
        found.unwrap().as_str(),
        "https://sis.example/campus/ims/oneroster/rostering/v1p2"
    );
    assert!(service("https://10.0.0.1", Version::V1_1, &list("*")).is_err());
}

#[test]
fn a_refusal_is_a_sentence_that_says_what_to_do() {
    for refusal in [
        AddressRefusal::Credentials,
        AddressRefusal::Form,
        AddressRefusal::NotPublic,
        AddressRefusal::NotAllowed,
        AddressRefusal::Port,
        AddressRefusal::Scheme,
    ] {
        assert!(refusal.to_string().split_whitespace().count() > 4);
    }
}

//! Names are compared in one form only.

use proptest::prelude::*;

use crate::name::{NameKind, canonical, canonical_email, canonical_username, kind_of_typed};

#[test]
fn every_letters_canonical_form_is_its_own() {
    for letter in char::MIN..=char::MAX {
        let once = canonical_username(&letter.to_string());
        assert_eq!(canonical_username(&once), once, "{letter:?}");
    }
}

fn domain() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,8}",
        "[A-Za-zäÖßİςＡ。．＠@.-]{0,12}",
        "[a-zA-Z]{1,6}\\.(org|BÜCHER|xn--bcher-kva|XN--BCHER-KVA)",
    ]
}

proptest! {
    #[test]
    fn a_canonical_username_is_its_own_canonical_form(name in any::<String>()) {
        let once = canonical_username(&name);
        prop_assert_eq!(canonical_username(&once), once);
    }

    #[test]
    fn a_canonical_address_is_its_own_canonical_form(local in "\\PC{0,6}", domain in domain()) {
        let once = canonical_email(&format!("{local}@{domain}"));
        prop_assert_eq!(canonical_email(&once), once);
    }

    #[test]
    fn case_sets_no_two_names_of_ascii_apart(name in "[ -~]{0,20}") {
        for kind in [NameKind::Username, NameKind::Email] {
            let form = canonical(kind, &name);
            prop_assert_eq!(canonical(kind, &name.to_ascii_uppercase()), form.clone());
            prop_assert_eq!(canonical(kind, &name.to_ascii_lowercase()), form);
        }
    }

    #[test]
    fn two_local_parts_are_one_only_where_ascii_case_sets_them_apart(one in "\\PC{0,4}", other in "\\PC{0,4}") {
        let forms = [&one, &other].map(|local| canonical_email(&format!("{local}@example.org")));
        prop_assert_eq!(forms[0] == forms[1], one.eq_ignore_ascii_case(&other));
    }

    #[test]
    fn case_does_not_decide_what_a_typed_name_is(name in "[a-cA-C@.]{0,10}|[a-z]{1,3}@(localhost|LocalHost)") {
        prop_assert_eq!(kind_of_typed(&name.to_uppercase()), kind_of_typed(&name.to_lowercase()));
    }
}

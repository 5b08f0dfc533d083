use super::*;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde_json::{Value, json};

fn at(text: &str) -> Instant {
    Instant::new(text.parse::<DateTime<Utc>>().unwrap())
}
fn now() -> Instant {
    at("2026-11-24T03:00:00Z")
}
fn namespace(name: &str, labels: Value) -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
}
fn policy(selector: Value) -> AccessPolicy {
    let mut policy = crate::decide::screening::tests::policy(json!({}));
    policy.spec.namespaces = serde_json::from_value(selector).unwrap();
    policy
}
fn user(name: &str) -> Value {
    json!({"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"})
}
fn group(name: &str) -> Value {
    json!({"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"})
}
fn robot(name: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": "ci"})
}
/// A RoleBinding, or a ClusterRoleBinding where the namespace is empty.
fn bound(namespace: &str, name: &str, role: &str, subjects: Value) -> Bound {
    let object = json!({"metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": subjects});
    match namespace {
        "" => {
            let mut binding: ClusterRoleBinding = serde_json::from_value(object).unwrap();
            binding.metadata.namespace = None;
            Bound::of_cluster_binding(&binding).unwrap()
        }
        _ => Bound::of_binding(&serde_json::from_value(object).unwrap()).unwrap(),
    }
}
/// Roles that are called for what they give.
fn roles() -> Vec<RoleSeen> {
    let rules = |resource: &str, verb: &str| {
        let rule = json!([{"apiGroups": [""], "resources": [resource], "verbs": [verb]}]);
        Some(serde_json::from_value::<Vec<PolicyRule>>(rule).unwrap())
    };
    let role = |name: &str, rules| RoleSeen { access: format!("ClusterRole {name}"), namespace: String::new(), rules };
    vec![
        role("reads", rules("pods", "get")),
        role("writes", rules("configmaps", "patch")),
        role("everything", rules("*", "*")),
        role("nodes", rules("nodes", "get")),
        role("gone", None),
    ]
}
fn taken(bounds: Vec<Bound>, when: Instant) -> Inventory {
    inventory(vec!["billing".into(), "shop".into()], bounds, &roles(), when)
}
fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.bindings.iter().map(|held| held.binding.as_str()).collect()
}

#[test]
fn g9_protected_is_what_a_policy_covers_and_what_is_watched() {
    let namespaces = [
        namespace("billing", json!({"curfew.dev/zone": "production"})),
        namespace("shop", json!({"curfew.dev/hand-made": "audit"})),
        namespace("tests", json!({"curfew.dev/zone": "staging"})),
    ];
    let covering = [policy(json!({"matchLabels": {"curfew.dev/zone": "production"}}))];
    assert_eq!(protected(&covering, &namespaces), ["billing", "shop"]);
    assert_eq!(protected(&[], &namespaces), ["shop"]);
    assert_eq!(protected(&[policy(json!({}))], &namespaces), ["shop"], "an empty selector covers nothing");
}

#[test]
fn g9_what_curfew_made_and_what_reaches_nothing_protected_is_no_standing_access() {
    let protected = ["billing".to_owned()];
    for (says, bound, whose, is_in) in [
        (
            "a person in a protected namespace",
            bound("billing", "a", "reads", json!([user("alice")])),
            Whose::People,
            true,
        ),
        ("in another one", bound("tests", "a", "reads", json!([user("alice")])), Whose::People, false),
        ("everywhere", bound("", "a", "reads", json!([group("engineers")])), Whose::People, true),
        ("a robot", bound("billing", "a", "reads", json!([robot("deploy")])), Whose::People, false),
        ("a robot, if asked for", bound("billing", "a", "reads", json!([robot("deploy")])), Whose::Everybodys, true),
        (
            "a robot in the spelling of a user",
            bound("billing", "a", "reads", json!([user("system:serviceaccount:ci:deploy")])),
            Whose::People,
            false,
        ),
        (
            "robots in the spelling of a group",
            bound("billing", "a", "reads", json!([group("system:serviceaccounts:ci")])),
            Whose::People,
            false,
        ),
        ("everybody", bound("billing", "a", "reads", json!([group("system:authenticated")])), Whose::People, true),
        ("administrators", bound("", "a", "everything", json!([group("system:masters")])), Whose::People, true),
        ("nobody", bound("billing", "a", "reads", json!([])), Whose::People, false),
    ] {
        assert_eq!(is_of_interest(&bound, &protected, whose), is_in, "{says}");
        assert!(!is_of_interest(&bound, &[], whose), "{says}, and nothing is protected");
    }
    let ours = json!({"metadata": {"name": "curfew-x", "namespace": "billing", "labels": {GRANT_LABEL: "1"}},
        "roleRef": {"kind": "ClusterRole", "name": "reads"}, "subjects": [user("alice")]});
    assert_eq!(Bound::of_binding(&serde_json::from_value(ours).unwrap()), None);
    let all = taken(
        vec![bound("", "nodes", "nodes", json!([user("a")])), bound("", "r", "reads", json!([user("a")]))],
        now(),
    );
    assert_eq!(names(&all), ["r"], "what gives nothing in a namespace is none");
}

#[test]
fn g9_broad_admin_comes_first() {
    let who = || json!([user("alice")]);
    let all = taken(
        vec![
            bound("billing", "a-reads", "reads", who()),
            bound("billing", "b-gone", "gone", who()),
            bound("shop", "c-everything", "everything", who()),
            bound("", "d-everything", "everything", who()),
            bound("billing", "e-writes", "writes", who()),
        ],
        now(),
    );
    assert_eq!(names(&all), ["d-everything", "c-everything", "e-writes", "a-reads", "b-gone"]);
    let levels: Vec<_> = all.bindings.iter().map(|held| held.level).collect();
    assert_eq!(levels, [Some(Level::Admin), Some(Level::Admin), Some(Level::Write), Some(Level::ReadOnly), None]);
    assert_eq!(all.bindings[0].dangers, [DangerType::Wildcard]);
    assert_eq!(all.roles.iter().find(|given| given.role.name == "reads").unwrap().gives, ["get pods"]);
}

#[test]
fn g9_what_stays_has_an_owner_and_a_review_that_is_soon() {
    let held = |owner: Option<&str>, by: Option<&str>| {
        let mut binding = bound("billing", "a", "reads", json!([user("alice")]));
        (binding.owner, binding.review_by) = (owner.map(str::to_owned), by.map(str::to_owned));
        taken(vec![binding], now()).bindings.remove(0)
    };
    let today = now().get().date_naive();
    for (owner, by, lacks) in [
        (Some("leads"), Some("2026-11-24"), vec![]),
        (Some("leads"), Some("2027-02-24"), vec![]),
        (Some("leads"), Some("2027-02-25"), vec![Need::Sooner]),
        (Some("leads"), Some("2026-11-23"), vec![Need::Review]),
        (Some("leads"), Some("soon"), vec![Need::Day]),
        (Some("leads"), Some("2026-1-2"), vec![Need::Day]),
        (Some("leads"), None, vec![Need::ReviewBy]),
        (None, Some("2026-12-24"), vec![Need::Owner]),
        (None, None, vec![Need::Owner, Need::ReviewBy]),
    ] {
        assert_eq!(needs(&held(owner, by), today), lacks, "{owner:?} {by:?}");
    }
    let mut roleless = held(Some("leads"), Some("2026-12-24"));
    roleless.level = None;
    assert_eq!(needs(&roleless, today), [Need::Role]);
    let note = |text: &str| {
        let notes = json!({OWNER_ANNOTATION: text, REVIEW_BY_ANNOTATION: " 2026-12-24 "});
        let binding = json!({"metadata": {"name": "a", "namespace": "billing", "annotations": notes},
            "roleRef": {"kind": "ClusterRole", "name": "reads"}});
        Bound::of_binding(&serde_json::from_value(binding).unwrap()).unwrap()
    };
    assert_eq!((note(" leads ").owner, note(" ").owner), (Some("leads".to_owned()), None), "blanks are no owner");
    assert_eq!(note("x").review_by.as_deref(), Some("2026-12-24"));
}

#[test]
fn i6_holders_are_counted_once_in_each_namespace() {
    let all = taken(
        vec![
            bound("billing", "a", "reads", json!([user("alice"), group("engineers"), robot("deploy")])),
            bound("billing", "b", "writes", json!([user("alice")])),
            bound("", "c", "reads", json!([user("dana")])),
            bound("shop", "d", "gone", json!([user("erin")])),
        ],
        now(),
    );
    assert_eq!(all.holders(), [("billing".to_owned(), 3), ("shop".to_owned(), 1)].into());
    assert_eq!(all.people(), 3);
    let shop = all.within("shop");
    assert_eq!((names(&shop), shop.holders()), (vec!["c", "d"], [("shop".to_owned(), 1)].into()));
    assert!(names(&shop.within("tests")).is_empty(), "what is not protected is not spoken of");
}

#[test]
fn i6_what_changed_in_a_week_is_named() {
    let before = taken(
        vec![
            bound("billing", "stays", "reads", json!([user("alice")])),
            bound("billing", "goes", "reads", json!([user("alice")])),
            bound("billing", "wider", "reads", json!([user("alice"), user("erin")])),
        ],
        at("2026-11-17T03:00:00Z"),
    );
    let mut owned = bound("shop", "new", "reads", json!([user("alice")]));
    owned.owner = Some("leads".into());
    let mut after = taken(
        vec![
            bound("billing", "stays", "reads", json!([user("alice")])),
            bound("billing", "wider", "everything", json!([user("alice"), user("dana")])),
            owned,
        ],
        now(),
    );
    let said = |after: &Inventory| {
        let line = |c: Change| format!("{:?} {}: {}", c.turn, c.held.binding, c.what);
        changes(&before, after).into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        said(&after),
        [
            "Added new: ",
            "Changed wider: for User dana too; no more for User erin; gives Admin instead of ReadOnly",
            "Gone goes: "
        ]
    );
    assert_eq!(changes(&after, &after), []);
    after.namespaces.push("pay".into());
    after.bindings[1].namespace = Some("pay".into());
    assert!(
        said(&after).iter().any(|line| line.ends_with("its namespace was not protected then")),
        "{:?}",
        said(&after)
    );
}

fn kept(taken: &str, until: &str, who: &str) -> Inventory {
    let mut inventory = self::taken(vec![bound("billing", "a", "reads", json!([user(who)]))], at(taken));
    inventory.seen_until = at(until);
    inventory
}

#[test]
fn i6_the_last_snapshot_before_answers_for_a_day() {
    let all = [
        kept("2026-11-20T02:00:00Z", "2026-11-22T02:00:00Z", "bob"),
        kept("2026-11-10T02:00:00Z", "2026-11-19T02:00:00Z", "alice"),
    ];
    let who = |when: &str| as_of(&all, when.parse().unwrap()).map(|i| i.bindings[0].subjects[0].name.clone());
    assert_eq!(who("2026-11-10T02:00:00Z").as_deref(), Ok("alice"));
    assert_eq!(who("2026-11-20T01:59:59Z").as_deref(), Ok("alice"));
    assert_eq!(who("2026-11-20T02:00:00Z").as_deref(), Ok("bob"));
    assert_eq!(who("2030-01-01T00:00:00Z").as_deref(), Ok("bob"));
    assert!(who("2026-11-10T01:59:59Z").unwrap_err().contains("2026-11-10T02:00:00Z"));
    assert!(as_of(&[], now().get()).unwrap_err().contains("report.snapshots.enabled"));
}

#[test]
fn i6_a_snapshot_takes_the_place_of_the_oldest_and_never_of_what_cannot_be_read() {
    let slots = |all: &[Option<(&str, &str)>]| -> Vec<Slot> {
        let slot = |(n, of): (usize, &Option<(&str, &str)>)| Slot {
            name: slot(n),
            version: of.map(|_| "1".into()),
            inventory: of.filter(|(when, _)| !when.is_empty()).map(|(when, who)| kept(when, when, who)),
        };
        all.iter().enumerate().map(slot).collect()
    };
    let now = kept("2026-11-24T02:00:00Z", "2026-11-24T02:00:00Z", "alice");
    let (old, older, unread) = (("2026-11-23T02:00:00Z", "bob"), ("2026-11-22T02:00:00Z", "carol"), ("", ""));
    let same = ("2026-11-23T02:00:00Z", "alice");
    let same_before = ("2026-11-20T02:00:00Z", "alice");
    for (says, all, place_, since) in [
        ("the first one", vec![None, None], "curfew-standing-00", "2026-11-24T02:00:00Z"),
        ("there is room", vec![Some(old), None], "curfew-standing-01", "2026-11-24T02:00:00Z"),
        ("there is none", vec![Some(old), Some(older)], "curfew-standing-01", "2026-11-24T02:00:00Z"),
        (
            "the newest says it already",
            vec![Some(older), Some(same), None],
            "curfew-standing-01",
            "2026-11-23T02:00:00Z",
        ),
        (
            "an older one said it, and it changed since",
            vec![Some(same_before), Some(old)],
            "curfew-standing-00",
            "2026-11-24T02:00:00Z",
        ),
        ("one cannot be read", vec![Some(unread), Some(old)], "curfew-standing-01", "2026-11-24T02:00:00Z"),
        ("none can be read", vec![Some(unread), Some(unread)], "curfew-standing-00", "2026-11-24T02:00:00Z"),
    ] {
        let slots = slots(&all);
        let (slot, written) = place(&slots, &now).unwrap();
        assert_eq!((slot.name.as_str(), written.taken_at), (place_, at(since)), "{says}");
        assert_eq!(written.seen_until, now.taken_at, "{says}");
        assert_eq!(written.bindings, now.bindings, "{says}");
    }
    assert_eq!(place(&[], &now), None);
}

#[test]
fn a_snapshot_is_read_as_it_was_written_and_has_a_bound() {
    let all = taken(vec![bound("billing", "a\u{1b}", "reads", json!([user("al\u{202e}ice"), robot("x")]))], now());
    let text = line(&all).unwrap();
    assert!(!text.chars().any(crate::decide::text::acts), "{text}");
    assert_eq!(read(&text), Some(all));
    let many =
        (0..400).map(|n| bound("billing", &format!("{n}{}", "x".repeat(3000)), "reads", json!([user("a")]))).collect();
    assert!(line(&taken(many, now())).unwrap_err().contains("--directory"));
}

#[test]
fn g9_the_report_names_who_holds_what_and_what_it_lacks_in_every_format() {
    let before = taken(vec![], at("2026-11-17T03:00:00Z"));
    let all = taken(vec![bound("billing", "on-call\u{1b}[2J", "everything", json!([group("eng|ineers")]))], now());
    let report = Report { inventory: &all, now: now(), before: Some(&before) };
    let shown = |report: &Report<'_>, format| show(report, format).unwrap();
    let table = shown(&report, Format::Table);
    let row = table.lines().find(|line| line.starts_with("Admin")).unwrap();
    for cell in [
        "billing",
        "on-call\\u{1b}[2J",
        "ClusterRole everything",
        "Group eng|ineers",
        "327d",
        "an owner, a review-by",
        "Wildcard",
    ] {
        assert!(row.contains(cell), "{cell} is not in {row}");
    }
    assert!(
        table.starts_with("Standing access at 2026-11-24T03:00:00Z: 1 users and groups hold 1 bindings"),
        "{table}"
    );
    assert!(
        table.contains("NAMESPACE   HOLDERS   THEN\nbilling     1         0\nshop        0         0\n"),
        "{table}"
    );
    assert!(table.contains("Since the snapshot of 2026-11-17T03:00:00Z this has changed.") && table.contains("Added"));
    assert!(shown(&report, Format::Markdown).contains("| Group eng\\|ineers |"));
    assert!(shown(&report, Format::Csv).starts_with("\"CHANGE\",\"LEVEL\""));
    assert!(shown(&Report { before: None, ..report }, Format::Csv).starts_with("\"LEVEL\",\"NAMESPACE\""));
    let json: Value = serde_json::from_str(&shown(&report, Format::Json)).unwrap();
    assert_eq!(json["bindings"][0]["needs"], json!(["Owner", "ReviewBy"]));
    assert_eq!(json["namespaces"], json!({"billing": 1, "shop": 0}));
    assert_eq!(json["since"]["changes"][0]["turn"], "Added");
    assert!(report.needs_somebody() && !Report { inventory: &before, now: now(), before: None }.needs_somebody());
    let nothing = Inventory { namespaces: vec![], ..before };
    let said = shown(&Report { inventory: &nothing, now: now(), before: None }, Format::Table);
    assert!(said.contains("no namespace here is protected"), "{said}");
}

#[test]
fn f10_namespaces_that_nobody_has_marked_are_named() {
    let all = [
        namespace("billing", json!({"curfew.dev/zone": "production"})),
        namespace("vault", json!({"curfew.dev/sensitivity": "cardholder"})),
        namespace("forgotten", json!({"team": "billing"})),
        namespace("play", json!({})),
        namespace("kube-system", json!({})),
    ];
    let unmarked = unmarked(&all);
    assert_eq!(unmarked, ["forgotten", "play"]);
    let inventory = Inventory { unmarked, ..inventory(vec!["billing".to_owned()], vec![], &[], now()) };
    let shown = |inventory: &Inventory, format| show(&Report { inventory, now: now(), before: None }, format).unwrap();
    for format in [Format::Table, Format::Markdown, Format::Json] {
        let shown = shown(&inventory, format);
        assert!(shown.contains("forgotten") && shown.contains("play"), "{shown}");
    }
    assert!(shown(&inventory, Format::Table).contains("2 namespaces carry neither"));
    let within = inventory.within("play");
    assert!(!shown(&within, Format::Table).contains("forgotten"));
}

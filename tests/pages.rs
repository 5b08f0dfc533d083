//! Pages in a real browser, as their readers open them.
#![allow(missing_docs, clippy::disallowed_methods, reason = "tests")]
use curfew::decide::Now;
use curfew::decide::report::{self, Format, Seen, Subject, When, Window};
use curfew::decide::sweep::Listed;
use curfew_testbed::browser::Browser;
use curfew_testbed::browser::page::Page;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const NOW: &str = "2026-11-23T12:00:00Z";
/// What would run, ask for something, or end what it stands in.
const EVIL: &str = "</td></svg></title><script>window.ran=1</script><img src='http://127.0.0.1:9/told' onerror='window.ran=2'>\" onload=\"window.ran=3\u{202e}";

/// A file of this test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{name}.html"));
    fs::write(&path, text).unwrap();
    path
}
/// So many decisions by each of these people.
fn seen(people: &[(&str, usize)]) -> Seen {
    let all = people.iter().flat_map(|(user, count)| std::iter::repeat_n(*user, *count)).enumerate();
    let grants = all.map(|(nth, user)| {
        let grant = json!({"apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant",
            "metadata": {"name": format!("g-{nth}"), "uid": format!("u-{nth}"), "creationTimestamp": "2026-11-20T09:00:00Z"},
            "spec": {"request": {"namespace": "billing", "name": "r", "uid": format!("r-{nth}"), "generation": 1},
                "policy": {"name": "customer-support", "uid": "1", "generation": 1, "description": "", "retentionDays": 400},
                "outcome": "Approved", "user": user, "entitledBy": {"kind": "Group", "name": "support"},
                "namespace": "billing", "access": "logs", "level": "ReadOnly",
                "roleRef": {"kind": "ClusterRole", "name": "curfew-logs"}, "rules": [], "rulesSha256": "",
                "ticket": format!("SUP-{nth}"), "reason": EVIL, "askedFor": "30m",
                "notBefore": "2026-11-21T05:00:00Z", "expiresAt": "2026-11-21T05:35:00Z"}});
        (format!("u-{nth}"), Some(serde_json::from_value(grant).unwrap()))
    });
    let now = Now { wall: NOW.parse().unwrap(), server_ahead: chrono::TimeDelta::zero() };
    let listed = Listed { bindings: Some(vec![]), fuses: None, grants: Some(grants.collect()) };
    let window = Window::of(When::Since(chrono::TimeDelta::days(7)), now.for_record());
    let (requests, policies, standing, shared_accounts) = (vec![], vec![], None, vec![]);
    Seen { listed, requests, policies, standing, writes: None, unread: 0, shared_accounts, window, now }
}
fn opened(name: &str, text: &str) -> Page {
    let browser = Browser::obtain().unwrap_or_else(|error| panic!("{error:#}"));
    Page::open(&browser, &file(name, text)).unwrap_or_else(|error| panic!("{error:#}"))
}
fn numbers(page: &mut Page, expression: &str) -> Vec<f64> {
    let told = page.tell(&format!("JSON.stringify({expression})")).unwrap();
    serde_json::from_str(told.as_str().unwrap()).unwrap_or_else(|error| panic!("{told}: {error}"))
}
/// How light the colour of this property of that element is, by WCAG: from 0 to 1.
fn light(page: &mut Page, element: &str, property: &str) -> f64 {
    let colour = format!("getComputedStyle(document.querySelector({element:?})).{property}.match(/\\d+/g).map(Number)");
    let channel = |of: f64| {
        let part = of / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = numbers(page, &colour)[..3] else { panic!("no colour: {colour}") };
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
}
fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn i4_a_report_is_a_page_that_shows_counts_as_bars_and_asks_for_nothing() {
    let people = [(EVIL, 12), ("alice", 7), ("bob", 3), ("carol", 1)];
    let text = report::show(&report::page(Subject::Usage, &seen(&people)), Format::Html).unwrap();
    let mut page = opened("usage", &text);

    let asked = page.requests();
    assert!(asked.len() == 1 && asked[0].ends_with("/usage.html"), "{asked:?}");
    assert_eq!(page.tell("document.title").unwrap(), "How access is used");
    assert_eq!(page.tell("document.scripts.length + document.images.length").unwrap(), 0);

    // What people wrote is read as they wrote it, but for what acts on a terminal.
    let shown = page.tell("document.querySelector('#people tbody td').textContent").unwrap();
    assert_eq!(shown, EVIL.replace('\u{202e}', "\\u{202e}"));
    assert_eq!(page.tell("typeof window.ran").unwrap(), "undefined");

    for width in [1200, 380] {
        page.is_wide(width).unwrap();
        let bars = numbers(
            &mut page,
            "[...document.querySelectorAll('#people svg rect')].map(r => r.getBoundingClientRect().width)",
        );
        assert_eq!(bars.len(), people.len());
        for (bar, (user, count)) in bars.iter().zip(people) {
            let expected = bars[0] * count as f64 / 12.0;
            assert!(bars[0] > 100.0 && (bar - expected).abs() < 1.0, "{width}: {bars:?}, {user}: {expected}");
        }
        let out = "[...document.querySelectorAll('#people svg rect, #people svg text')].filter(e => { const s = e.ownerSVGElement.getBoundingClientRect(), b = e.getBoundingClientRect(); return b.left < s.left - 1 || b.right > s.right + 1 || b.bottom > s.bottom + 1 }).length";
        assert_eq!(page.tell(out).unwrap(), 0, "nothing is cut off");
        let over = page.tell("document.documentElement.scrollWidth - document.documentElement.clientWidth").unwrap();
        assert_eq!(over, 0, "{width}: only a table scrolls sideways");
    }

    let mut backs = vec![];
    for (media, scheme) in [("screen", "light"), ("screen", "dark"), ("print", "dark")] {
        page.looks(media, scheme).unwrap();
        let back = light(&mut page, "body", "backgroundColor");
        for (element, property, least) in
            [("td", "color", 4.5), ("th", "color", 4.5), ("svg text", "fill", 4.5), ("svg rect", "fill", 3.0)]
        {
            let seen = contrast(light(&mut page, element, property), back);
            assert!(seen >= least, "{media} {scheme}: {element} has a contrast of {seen}");
        }
        let is_there = page.tell("getComputedStyle(document.querySelector('nav')).display").unwrap();
        assert_eq!(is_there == "none", media == "print", "links are of no use on paper");
        backs.push(back);
    }
    assert!(backs[0] > 0.9 && backs[1] < 0.1 && backs[2] > 0.9, "light, dark, paper: {backs:?}");
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn i1_each_report_opens_without_a_complaint_also_where_nothing_is_found() {
    for (of, name) in [
        (Subject::Weekly, "weekly"),
        (Subject::Monthly, "monthly"),
        (Subject::Emergencies, "emergencies"),
        (Subject::Pilot, "pilot"),
        (Subject::Export, "export"),
    ] {
        for (people, how) in [(&[(EVIL, 2)][..], "full"), (&[], "empty")] {
            let made = report::page(of, &seen(people));
            let mut page = opened(&format!("{name}-{how}"), &report::show(&made, Format::Html).unwrap());
            let sections = page.tell("document.querySelectorAll('main section').length").unwrap();
            assert_eq!(sections, made.sections.len(), "{name}");
            let links = page.tell(
                "[...document.querySelectorAll('nav a')].filter(a => document.getElementById(a.hash.slice(1))).length",
            );
            assert_eq!(links.unwrap(), made.sections.len(), "{name}");
            assert_eq!((page.requests().len(), page.complaints()), (1, vec![]), "{name} {how}");
            assert_eq!(page.tell("typeof window.ran").unwrap(), "undefined");
        }
    }
}

/// Else the tests above would see nothing where there is something.
#[test]
fn the_browser_tells_of_what_a_page_asks_for_and_runs() {
    let mut page = opened("bad", &format!("<!doctype html><p>{EVIL}<script>throw 'it broke'</script></p>"));
    assert_ne!(page.tell("typeof window.ran").unwrap(), "undefined");
    let asked = page.requests();
    assert!(asked.iter().any(|address| address == "http://127.0.0.1:9/told"), "{asked:?}");
    let complaints = page.complaints().join("\n");
    assert!(complaints.contains("it broke"), "{complaints}");
    let refused = "<!doctype html><meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\"><img src='http://127.0.0.1:9/told'>";
    assert!(opened("refused", refused).complaints().join("").contains("Content Security Policy"));
    assert_eq!(page.tell("1 + 1").unwrap(), Value::from(2));
}

//! `who`: who had access to a namespace, to what and why, by the records and by the snapshots of standing access.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::settings::look::{At, Who};
use crate::when::When;
use curfew::api::time::Instant;
use curfew::cluster::people::Which;
use curfew::decide::standing::{Inventory, Whose};
use curfew::decide::table::Table;
use curfew::decide::text;
use curfew::decide::who::{self, Access, Given, Through, Window};
use serde_json::json;

/// How many snapshots are looked for: as many as the chart can keep.
const SLOTS: usize = 100;

/// Tells who.
pub async fn run(desk: &Desk, flags: &Who) -> Result<String, Failure> {
    let when = desk.when();
    let now = Instant::new(when.now);
    let window = asked(flags, &when, now)?;
    let place = match &flags.place {
        Some(place) if desk.is_named && *place != desk.namespace => {
            return Err(Failure::Usage("NAMESPACE and --namespace name two".to_owned()));
        }
        named => named.as_deref().unwrap_or(&desk.namespace),
    };
    let which = Which { labels: desk.selector.clone(), ..Which::within(Some(place.to_owned())) };
    let records = desk.cluster.records_of(&which).await?;
    let mut found = who::granted(&records, place, window);
    let mut notes = vec![];
    if flags.grants_only {
        notes.push("Standing access was not looked at (--grants-only).".to_owned());
    } else {
        let (standing, unknown) = who::standing(inventories(desk, flags, window, now).await?, place, window);
        found.extend(standing);
        notes.extend(unknown.iter().map(|words| format!("Beware: {words}.")));
    }
    if desk.format.is_for_people() {
        let place = text::line(place, 63);
        desk.say(&match window.from == window.until {
            true => format!("Access to {place} at {}:", when.both(window.from)),
            false => format!("Access to {place} from {} until {}:", when.both(window.from), when.both(window.until)),
        });
    }
    // Who reads the data alone must not miss what is not in it.
    notes.iter().for_each(|note| desk.quote(note));
    shown(&desk.format, place, window, &found, &notes, &when)
}

fn asked(flags: &Who, when: &When, now: Instant) -> Result<Window, Failure> {
    let far = || Failure::Usage("that is too long ago".to_owned());
    let window = match (flags.since, flags.at) {
        (Some(since), _) => Window { from: now.checked_add(-since).ok_or_else(far)?, until: now },
        (None, None) => Window { from: now, until: now },
        (None, Some(At::Instant(at))) => Window { from: Instant::new(at), until: Instant::new(at) },
        (None, Some(At::Day(day))) => {
            let (from, until) = when.day(day).ok_or_else(far)?;
            Window { from, until: until.min(now) }
        }
    };
    match window.from > now {
        true => Err(Failure::Usage("--at is in the future: who will have access then nobody knows".to_owned())),
        false => Ok(window),
    }
}

/// What is known of standing access: the snapshots where another time is asked about, and how it is where now is.
async fn inventories(desk: &Desk, flags: &Who, window: Window, now: Instant) -> Result<Vec<Inventory>, Failure> {
    let hint = |failure: Failure| match failure {
        Failure::Denied(words) => Failure::Denied(format!(
            "{words}: standing access is read by auditors only (ClusterRole curfew-auditor); what Curfew gave alone: --grants-only"
        )),
        other => other,
    };
    let mut all = vec![];
    if window.from < now {
        let slots = desk.cluster.snapshots(&flags.home, SLOTS).await.map_err(|error| hint(error.into()))?;
        all.extend(slots.into_iter().filter_map(|slot| slot.inventory));
    }
    if window.until == now {
        all.push(desk.cluster.standing(Whose::People, now).await.map_err(|error| hint(error.into()))?);
    }
    Ok(all)
}

fn shown(
    format: &Format,
    place: &str,
    window: Window,
    found: &[Access],
    notes: &[String],
    when: &When,
) -> Result<String, Failure> {
    match format {
        Format::Table | Format::Wide if found.is_empty() => Ok(String::new()),
        Format::Table | Format::Wide => Ok(table(found, when, *format == Format::Wide).aligned()),
        Format::Name => Ok(found.iter().map(name).collect()),
        Format::Json | Format::Yaml | Format::Jsonpath(_) | Format::Page(_) => {
            let all = json!({"kind": "WhoHadAccess", "namespace": place, "from": window.from, "until": window.until,
                "access": found, "notes": notes});
            output::value(format, &all)
        }
    }
}
fn name(access: &Access) -> String {
    let kind = match (access.through, access.everywhere) {
        (Through::Grant, _) => "accessgrant.curfew.dev",
        (Through::Standing, false) => "rolebinding.rbac.authorization.k8s.io",
        (Through::Standing, true) => "clusterrolebinding.rbac.authorization.k8s.io",
    };
    format!("{kind}/{}\n", text::line(&access.name, 253))
}

const HEAD: &[&str] = &[
    "WHO",
    "LEVEL",
    "ACCESS",
    "FROM",
    "UNTIL",
    "TICKET",
    "WHY",
    "CALLS",
    "WRITES",
    "APPROVED-BY",
    "POLICY",
    "NAME",
    "CHANGED",
    "FLAGS",
    "GIVES",
];
/// How many columns are shown where not all are.
const FEW: usize = 9;

fn table(found: &[Access], when: &When, wide: bool) -> Table {
    let rows = found.iter().map(|access| {
        let time = |at: Option<Instant>| at.map_or_else(String::new, |at| when.both(at));
        let until = match (access.until, access.expires) {
            (Some(until), _) => when.both(until),
            (None, Some(end)) => format!("ends {}", when.both(end)),
            (None, None) => "still".to_owned(),
        };
        let head = [access.who.to_string(), format!("{:?}", access.level)];
        let row = match &access.grant {
            Some(given) => granted(access, given, time(access.from), until),
            None => standing(access, time(access.from), until),
        };
        let gives = text::few(&access.gives, 8);
        let row: Vec<String> = head.into_iter().chain(row).chain([gives]).collect();
        if wide { row } else { row.into_iter().take(FEW).collect() }
    });
    Table { head: if wide { HEAD } else { &HEAD[..FEW] }, rows: rows.collect() }
}
fn granted(access: &Access, given: &Given, from: String, until: String) -> [String; 12] {
    let calls = given.usage.as_ref().map_or_else(|| "-".to_owned(), |usage| usage.count.to_string());
    let few = |of: &[String]| if of.is_empty() { "-".to_owned() } else { text::few(of, 4) };
    let changes: Vec<String> =
        given.changes.iter().map(|change| format!("{:?}: {}", change.kind, change.what)).collect();
    [
        format!("{} ({})", given.access, access.role),
        from,
        until,
        given.ticket.clone(),
        given.reason.clone(),
        calls,
        few(&given.writes),
        given.approved_by.clone().unwrap_or_default(),
        given.policy.clone(),
        access.name.clone(),
        few(&changes),
        given.flags.clone().unwrap_or_default(),
    ]
}
fn standing(access: &Access, from: String, until: String) -> [String; 12] {
    let scope = if access.everywhere { " everywhere" } else { "" };
    let owner = access.owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| owner.clone());
    let none = || "-".to_owned();
    [
        access.role.to_string(),
        from,
        until,
        none(),
        format!("standing{scope} by {}, answers for it: {owner}", access.name),
        none(),
        none(),
        none(),
        none(),
        access.name.clone(),
        none(),
        String::new(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::when::Zone;

    fn when() -> When {
        When { now: "2026-11-21T05:30:00Z".parse().unwrap(), zone: Zone::Named(chrono_tz::Europe::Berlin) }
    }
    fn found() -> Vec<Access> {
        let usage = json!({"firstSeen": "2026-11-21T05:02:00Z", "lastSeen": "2026-11-21T05:19:00Z", "count": 7,
            "verbs": ["get pods/log", "delete pods"]});
        let record: curfew::api::grant::AccessGrant = serde_json::from_value(json!({
            "apiVersion": "curfew.dev/v1alpha1", "kind": "AccessGrant", "metadata": {"name": "billing.sup-1.2"},
            "spec": {
                "request": {"namespace": "billing", "name": "sup-1", "uid": "2", "generation": 1},
                "policy": {"name": "support", "uid": "1", "generation": 1, "description": "", "retentionDays": 400},
                "outcome": "Approved", "user": "alice", "entitledBy": {"kind": "Group", "name": "support"},
                "namespace": "billing", "access": "restart", "level": "LimitedWrite", "approvedBy": "bob",
                "roleRef": {"kind": "ClusterRole", "name": "curfew-restart"}, "rules": [], "rulesSha256": "",
                "ticket": "SUP-1", "reason": "Restart\u{1b}[2J it.", "askedFor": "30m",
                "notBefore": "2026-11-21T05:00:00Z", "expiresAt": "2026-11-21T05:35:00Z"},
            "status": {"startedAt": "2026-11-21T05:01:00Z", "usage": usage}}))
        .unwrap();
        let inventory: Inventory = serde_json::from_value(json!({"takenAt": "2026-11-21T05:30:00Z",
            "seenUntil": "2026-11-21T05:30:00Z", "namespaces": ["billing"], "roles": [], "bindings": [
                {"level": "Admin", "binding": "root", "subjects": [{"kind": "Group", "name": "admins"}],
                    "role": {"kind": "ClusterRole", "name": "cluster-admin"}, "made": "2026-01-01T00:00:00Z"}]}))
        .unwrap();
        let now = Instant::new(when().now);
        let window = Window { from: now, until: now };
        let mut found = who::granted(&[record], "billing", window);
        found.extend(who::standing(vec![inventory], "billing", window).0);
        found
    }
    fn flags() -> Who {
        Who { place: Some("billing".into()), since: None, at: None, grants_only: false, home: "curfew".into() }
    }
    fn printed(format: &str) -> String {
        let now = Instant::new(when().now);
        let (format, window) = (format.parse().unwrap(), Window { from: now, until: now });
        shown(&format, "billing", window, &found(), &["Beware.".into()], &when()).unwrap()
    }

    #[test]
    fn j14_a_line_says_who_what_why_how_long_and_what_was_written() {
        let table = printed("");
        let rows: Vec<_> = table.lines().skip(1).collect();
        for part in [
            "User alice",
            "LimitedWrite",
            "restart (ClusterRole curfew-restart)",
            "06:01 (29m ago)",
            "ends 06:35 (in 5m)",
            "SUP-1",
            "Restart\\u{1b}[2J it.",
            "7",
            "delete pods",
        ] {
            assert!(rows[0].contains(part), "{part}: {table}");
        }
        for part in [
            "Group admins",
            "Admin",
            "ClusterRole cluster-admin",
            "2026-01-01 01:00",
            "still",
            "standing everywhere by root, answers for it: nobody",
        ] {
            assert!(rows[1].contains(part), "{part}: {table}");
        }
        let wide = printed("wide");
        assert!(wide.contains("APPROVED-BY") && wide.contains("bob") && wide.contains("billing.sup-1.2"), "{wide}");
        let names = printed("name");
        assert_eq!(
            names,
            "accessgrant.curfew.dev/billing.sup-1.2\nclusterrolebinding.rbac.authorization.k8s.io/root\n"
        );
        let json: serde_json::Value = serde_json::from_str(&printed("json")).unwrap();
        assert_eq!(
            (&json["access"][0]["grant"]["writes"], &json["notes"][0]),
            (&json!(["delete pods"]), &json!("Beware."))
        );
    }
    #[test]
    fn the_time_that_is_asked_about_ends_now_at_the_latest() {
        let now = Instant::new(when().now);
        let at = |text: &str| Instant::new(text.parse().unwrap());
        let day = |day: &str| Some(At::Day(day.parse().unwrap()));
        let none = flags();
        for (flags, from, until) in [
            (none.clone(), now, now),
            (Who { since: Some(chrono::TimeDelta::hours(2)), ..none.clone() }, at("2026-11-21T03:30:00Z"), now),
            (Who { at: day("2026-11-20"), ..none.clone() }, at("2026-11-19T23:00:00Z"), at("2026-11-20T22:59:59Z")),
            (Who { at: day("2026-11-21"), ..none.clone() }, at("2026-11-20T23:00:00Z"), now),
        ] {
            assert_eq!(asked(&flags, &when(), now).unwrap(), Window { from, until }, "{flags:?}");
        }
        let tomorrow = asked(&Who { at: day("2026-11-22"), ..none }, &when(), now);
        assert!(matches!(tomorrow, Err(Failure::Usage(_))), "{tomorrow:?}");
    }
}

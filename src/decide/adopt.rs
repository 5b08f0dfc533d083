//! The policy that would replace a standing binding, and the command that removes it then.
use super::standing::{Bound, Holder};
use super::{role, table, text};
use crate::api::subject::{Level, RoleKind, RoleRef, Subject, SubjectKind};
use k8s_openapi::api::rbac::v1::PolicyRule;

/// How many requesters a policy may list.
const MOST_REQUESTERS: usize = 32;
/// How many roles it may offer.
const MOST_ROLES: usize = 8;
/// How long a name may be that becomes a label, and that of an access.
const MOST_NAME: usize = 63;

/// A binding, and what is to replace it.
#[derive(Clone, Copy, Debug)]
pub struct Adoption<'a> {
    /// The binding.
    pub bound: &'a Bound,
    /// What is offered in its place, by default its own role, with what each gives; `None`: there is no such role.
    pub roles: &'a [(RoleRef, Option<Vec<PolicyRule>>)],
    /// Who has to agree; empty: to be filled in.
    pub approvers: &'a [Subject],
}

/// One role that is offered.
struct Offer<'a> {
    role: &'a RoleRef,
    level: Level,
    flags: Vec<String>,
}

/// The manifest, with comments that say what to do: `kubectl apply -f -` takes it once it is filled in.
///
/// # Errors
/// In words, with what to do instead, when no policy can replace the binding.
pub fn manifest(of: &Adoption<'_>) -> Result<String, String> {
    let (bound, place) = (of.bound, place(of.bound));
    let offers = offers(of)?;
    let requesters = requesters(bound)?;
    let removal = removal(bound)?;
    let mut lines = heading(bound, &place, &offers);
    lines.extend(["apiVersion: curfew.dev/v1alpha1".to_owned(), "kind: AccessPolicy".into(), "metadata:".into()]);
    lines.push(format!("  name: {}", policy_name(bound)));
    lines.push("spec:".into());
    lines.push("  # People read this to choose the policy, and approvers to judge a request: say what the access is needed for.".into());
    let described =
        format!("What the standing binding {} was for: say which work needs it, and when.", name(bound, 100));
    lines.push(format!("  description: {}", quoted(&described)));
    lines.extend(owner(of));
    lines.extend(namespaces(bound));
    lines.push("  # Who held the binding.".into());
    lines.push("  requesters:".into());
    lines.extend(requesters.iter().map(|subject| format!("  - {}", inline(subject))));
    lines.push("  # Least first: a request that names none gets the first.".into());
    lines.push("  access:".into());
    for (name, offer) in access_names(&offers).iter().zip(&offers) {
        lines.extend(offer.flags.iter().map(|flag| format!("  # {flag}")));
        let (kind, role) = (offer.role.kind, quoted(&offer.role.name));
        lines
            .push(format!("  - {{name: {name}, level: {:?}, roleRef: {{kind: {kind:?}, name: {role}}}}}", offer.level));
    }
    let (default, max) = durations(offers.iter().map(|offer| offer.level).max().unwrap_or(Level::Admin));
    lines.push("  # More rights, less time. Whoever needs longer asks again.".into());
    lines.push(format!("  duration: {{default: {default}, max: {max}}}"));
    lines.push("  evidence:".into());
    lines.push("    # The whole ticket must match: write your tracker's form.".into());
    lines.push("    ticket: {pattern: \"^[A-Z]{2,10}-[0-9]+$\", message: A ticket such as SUP-4812.}".into());
    lines.extend(approval(of));
    lines.push(String::new());
    lines.push(format!("# When the policy is Ready and somebody has been granted access by it, remove {place}:"));
    lines.push(format!("#   {removal}"));
    Ok(lines.join("\n") + "\n")
}

fn heading(bound: &Bound, place: &str, offers: &[Offer<'_>]) -> Vec<String> {
    let mut lines = vec![
        format!("# Replaces {place} ({}): standing access becomes access on request.", text::line(&bound.role.to_string(), 120)),
        "# Read it, change what is not yours, and apply it. Then: kubectl get accesspolicies, until it says READY True.".to_owned(),
        "# Its author holds `bind` on the roles that it offers.".to_owned(),
    ];
    let own = offers.iter().filter(|offer| !offer.role.name.starts_with("curfew-"));
    let words = |offer: &Offer<'_>| match offer.role.kind {
        RoleKind::ClusterRole => format!(
            "# The operator needs it too: name {} in the chart's value grantableRoles.",
            text::line(&offer.role.name, 120)
        ),
        RoleKind::Role => format!(
            "# The operator needs it too: give it `bind` on {} there by a Role and a RoleBinding.",
            text::line(&offer.role.to_string(), 120)
        ),
    };
    lines.extend(own.map(words));
    lines
}

fn offers<'a>(of: &Adoption<'a>) -> Result<Vec<Offer<'a>>, String> {
    let instead = "offer smaller roles in its place with --role (kubectl get clusterroles -l curfew.dev/catalogue)";
    if of.roles.len() > MOST_ROLES {
        return Err(format!("a policy offers at most {MOST_ROLES} roles: name fewer with --role"));
    }
    let mut offers = vec![];
    for (role, rules) in of.roles {
        let called = text::line(&role.to_string(), 120);
        let Some(rules) = rules else {
            let gives_nothing = if *role == of.bound.role { ", so the binding gives nothing" } else { "" };
            return Err(format!("there is no {called}{gives_nothing}: remove the binding, or {instead}"));
        };
        if role::is_never_granted(role) {
            return Err(format!("{called} is never granted through Curfew: {instead}"));
        }
        if let Some(why) = role::too_large(rules) {
            return Err(format!("{called} has {why}, which no record could hold: {instead}"));
        }
        let flags = role::dangers(rules).into_iter().map(|danger| format!("{:?}: {}", danger.type_, danger.message));
        offers.push(Offer { role, level: role::least_level(rules), flags: flags.collect() });
    }
    offers.sort_by_key(|offer| offer.level);
    Ok(offers)
}

/// The people among its holders, as a policy names them.
fn requesters(bound: &Bound) -> Result<Vec<Subject>, String> {
    let may_ask = |holder: &&Holder| holder.is_person() && !holder.name.starts_with("system:");
    let people: Vec<_> = bound.subjects.iter().filter(may_ask).map(subject).collect();
    match people.len() {
        0 => Err(format!(
            "nobody who holds {} could ask: Curfew is for people, under their own names and groups. If it has to stay, give it an owner and a day (kubectl annotate: curfew.dev/owner, curfew.dev/review-by)",
            place(bound)
        )),
        1..=MOST_REQUESTERS => Ok(people),
        count => Err(format!(
            "{count} users and groups hold it, and a policy lists at most {MOST_REQUESTERS}: put them into a group first"
        )),
    }
}
fn subject(holder: &Holder) -> Subject {
    let kind = if holder.kind == "Group" { SubjectKind::Group } else { SubjectKind::User };
    Subject { kind, name: holder.name.clone() }
}

fn owner(of: &Adoption<'_>) -> Vec<String> {
    let known = of.bound.owner.as_deref().map(|text| match text.split_once([' ', '/', ':']) {
        Some(("User", name)) => Subject { kind: SubjectKind::User, name: name.trim().to_owned() },
        Some(("Group", name)) => Subject { kind: SubjectKind::Group, name: name.trim().to_owned() },
        _ => Subject { kind: SubjectKind::Group, name: text.to_owned() },
    });
    let (owner, why) = match (known, of.approvers.first()) {
        (Some(owner), _) => (Some(owner), "From the binding's annotation curfew.dev/owner."),
        (None, Some(approver)) => {
            (Some(approver.clone()), "Answers for the policy: those who agree, as the binding names no owner.")
        }
        (None, None) => (None, "Fill in who answers for the policy: the binding names no owner."),
    };
    let owner = owner.map_or_else(|| "{kind: Group, name: \"\"}".to_owned(), |owner| inline(&owner));
    vec![format!("  # {why}"), format!("  owner: {owner}")]
}

fn namespaces(bound: &Bound) -> [String; 2] {
    match &bound.namespace {
        Some(namespace) => [
            "  # This namespace alone. Better: the label that your other policies select, such as curfew.dev/zone: production.".to_owned(),
            format!("  namespaces: {{matchLabels: {{kubernetes.io/metadata.name: {}}}}}", quoted(namespace)),
        ],
        None => [
            "  # The binding held everywhere: choose the label of the namespaces where people need it.".to_owned(),
            "  namespaces: {matchLabels: {curfew.dev/zone: production}}".to_owned(),
        ],
    }
}

fn approval(of: &Adoption<'_>) -> Vec<String> {
    let mut lines = vec!["  approval:".to_owned(), "    steps:".into()];
    lines.push("    # All steps must be met, each by other people; the requester never counts.".into());
    lines.push("    - name: service-owner".into());
    lines.push("      approvers:".into());
    if of.approvers.is_empty() {
        lines.push("      # Fill in who agrees: a group, so that somebody is there on holidays too.".into());
        lines.push("      - {kind: Group, name: \"\"}".into());
    }
    lines.extend(of.approvers.iter().map(|subject| format!("      - {}", inline(subject))));
    lines.push("      # Who stands in when nobody of them answers:".into());
    lines.push("      # backups: {after: 15m, approvers: [{kind: Group, name: team-leads}]}".into());
    lines
}

/// More rights, less time.
fn durations(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::ReadOnly => ("1h", "4h"),
        Level::LimitedWrite => ("30m", "2h"),
        Level::Write => ("30m", "1h"),
        Level::Admin => ("15m", "30m"),
    }
}

/// What removes the binding, or people from it where others hold it too.
fn removal(bound: &Bound) -> Result<String, String> {
    let (kind, within) = match &bound.namespace {
        Some(namespace) => ("rolebinding", format!(" --namespace {}", shell(namespace))),
        None => ("clusterrolebinding", String::new()),
    };
    if bound.name.chars().any(text::acts) {
        return Err(
            "the name of the binding cannot be written in a command: remove it with a client of the API".to_owned()
        );
    }
    let name = shell(&bound.name);
    let stay: Vec<_> = bound.subjects.iter().filter(|holder| !holder.is_person()).collect();
    if stay.is_empty() {
        return Ok(format!("kubectl{within} delete {kind} -- {name}"));
    }
    let subject = |holder: &&Holder| {
        let group = if holder.kind == "ServiceAccount" { "" } else { "rbac.authorization.k8s.io" };
        let mut subject = serde_json::json!({"kind": holder.kind, "name": holder.name, "apiGroup": group});
        holder.namespace.iter().for_each(|namespace| subject["namespace"] = namespace.as_str().into());
        subject
    };
    let patch = serde_json::json!({"subjects": stay.iter().map(subject).collect::<Vec<_>>()});
    let patch = table::json(&patch).map_err(|error| error.to_string())?.replace('\'', "\\u0027");
    Ok(format!("kubectl{within} patch {kind} --type=merge -p '{patch}' -- {name}"))
}

fn place(bound: &Bound) -> String {
    match &bound.namespace {
        Some(namespace) => format!("RoleBinding {} in {namespace}", name(bound, 120)),
        None => format!("ClusterRoleBinding {}", name(bound, 120)),
    }
}
fn name(bound: &Bound, most: usize) -> String {
    text::line(&bound.name, most)
}
fn policy_name(bound: &Bound) -> String {
    let namespace = bound.namespace.as_deref().unwrap_or("everywhere");
    label(&format!("adopted-{namespace}-{}", bound.name))
}
/// Distinct, whatever the roles are called.
fn access_names(offers: &[Offer<'_>]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for offer in offers {
        let name = label(&offer.role.name);
        let is_free = !name.is_empty() && !names.contains(&name);
        names.push(if is_free { name } else { format!("access-{}", names.len() + 1) });
    }
    names
}
/// Only what a name may hold: lower-case letters, digits and dashes within.
fn label(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let all: String = text.chars().map(plain).collect();
    all.trim_matches('-').chars().take(MOST_NAME).collect::<String>().trim_end_matches('-').to_owned()
}

fn inline(subject: &Subject) -> String {
    format!("{{kind: {:?}, name: {}}}", subject.kind, quoted(&subject.name))
}
/// A scalar of YAML: JSON's texts are YAML's in double quotes.
fn quoted(text: &str) -> String {
    // A text is always JSON.
    table::json(&text).unwrap_or_default()
}
/// One word of a shell, whatever is in it.
fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::policy::AccessPolicy;
    use serde_json::{Value, json};

    fn holder(kind: &str, name: &str) -> Holder {
        Holder { kind: kind.into(), name: name.into(), namespace: (kind == "ServiceAccount").then(|| "ci".into()) }
    }
    fn bound(subjects: &[Holder]) -> Bound {
        let role = RoleRef { kind: RoleKind::ClusterRole, name: "billing-read".into() };
        let (namespace, name, subjects) = (Some("billing".into()), "Engineers:read".into(), subjects.to_vec());
        Bound { namespace, name, role, subjects, owner: None, review_by: None, made: None }
    }
    fn rules(verb: &str) -> Option<Vec<PolicyRule>> {
        let rules = json!([{"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": [verb]}]);
        Some(serde_json::from_value(rules).unwrap())
    }
    fn group(name: &str) -> Subject {
        Subject { kind: SubjectKind::Group, name: name.into() }
    }
    fn adopted(bound: &Bound, verb: &str, approvers: &[Subject]) -> Result<String, String> {
        manifest(&Adoption { bound, roles: &[(bound.role.clone(), rules(verb))], approvers })
    }
    fn parsed(manifest: &str) -> (Value, AccessPolicy) {
        let value: Value = serde_saphyr::from_str(manifest).unwrap_or_else(|e| panic!("{e}\n{manifest}"));
        (value.clone(), serde_json::from_value(value).unwrap())
    }

    #[test]
    fn g9_the_policy_offers_what_the_binding_gave_to_whom_it_gave_it() {
        let (engineers, dana) = (holder("Group", "engineers"), holder("User", "dana"));
        let text = adopted(&bound(&[engineers, dana]), "get", &[group("billing-owners")]).unwrap();
        let (_, policy) = parsed(&text);
        assert_eq!(policy.metadata.name.as_deref(), Some("adopted-billing-engineers-read"));
        let spec = policy.spec;
        let asks: Vec<_> = spec.requesters.iter().map(ToString::to_string).collect();
        assert_eq!(asks, ["Group engineers", "User dana"]);
        assert_eq!(
            (spec.access[0].name.as_str(), spec.access[0].level),
            ("billing-read", Level::Write),
            "it reads secrets"
        );
        assert_eq!(spec.access[0].role_ref.name, "billing-read");
        assert_eq!(spec.approval.steps[0].approvers, [group("billing-owners")]);
        assert_eq!(spec.owner, group("billing-owners"));
        assert_eq!(spec.duration.max.to_string(), "1h");
        let labels = spec.namespaces.match_labels.unwrap();
        assert_eq!(labels["kubernetes.io/metadata.name"], "billing");
        assert!(text.contains("ReadsSecrets"), "{text}");
        assert!(text.ends_with("#   kubectl --namespace billing delete rolebinding -- Engineers:read\n"), "{text}");
    }
    #[test]
    fn what_has_to_be_filled_in_is_empty_so_that_nobody_applies_it_unseen() {
        let (value, _) = parsed(&adopted(&bound(&[holder("User", "dana")]), "get", &[]).unwrap());
        assert_eq!(value["spec"]["owner"]["name"], "");
        assert_eq!(value["spec"]["approval"]["steps"][0]["approvers"][0]["name"], "");
        let owned = Bound { owner: Some("User/erin".into()), ..bound(&[holder("User", "dana")]) };
        let (value, _) = parsed(&adopted(&owned, "get", &[]).unwrap());
        assert_eq!(value["spec"]["owner"], json!({"kind": "User", "name": "erin"}));
    }
    #[test]
    fn robots_keep_what_they_have() {
        let text = adopted(&bound(&[holder("User", "dana"), holder("ServiceAccount", "dep'loy")]), "get", &[]).unwrap();
        assert!(!text.contains("delete rolebinding"), "{text}");
        let patch = text.split("-p '").nth(1).unwrap().split('\'').next().unwrap();
        let patch: Value = serde_json::from_str(patch).unwrap();
        assert_eq!(
            patch["subjects"],
            json!([{"apiGroup": "", "kind": "ServiceAccount", "name": "dep'loy", "namespace": "ci"}])
        );
    }
    #[test]
    fn what_no_policy_can_replace_is_said_with_what_to_do() {
        let dana = [holder("User", "dana")];
        let admin =
            Bound { role: RoleRef { kind: RoleKind::ClusterRole, name: "cluster-admin".into() }, ..bound(&dana) };
        let many: Vec<_> = (0..33).map(|n| holder("User", &n.to_string())).collect();
        for (said, words) in [
            (adopted(&admin, "*", &[]), "cluster-admin is never granted through Curfew: offer smaller roles"),
            (adopted(&bound(&[holder("ServiceAccount", "deploy")]), "get", &[]), "Curfew is for people"),
            (adopted(&bound(&[holder("Group", "system:masters")]), "get", &[]), "Curfew is for people"),
            (adopted(&bound(&many), "get", &[]), "33 users and groups"),
            (
                manifest(&Adoption { bound: &bound(&dana), roles: &[(bound(&dana).role, None)], approvers: &[] }),
                "so the binding gives nothing: remove the binding",
            ),
        ] {
            let said = said.unwrap_err();
            assert!(said.contains(words), "{said}");
        }
    }
    #[test]
    fn smaller_roles_take_its_place_least_first() {
        let role = |name: &str| RoleRef { kind: RoleKind::ClusterRole, name: name.into() };
        let everywhere = Bound { namespace: None, ..bound(&[holder("User", "dana")]) };
        let roles = [
            (role("Edit_It"), rules("patch")),
            (role("edit-it"), rules("delete")),
            (role("curfew-x"), rules("deletecollection")),
        ];
        let text = manifest(&Adoption { bound: &everywhere, roles: &roles, approvers: &[group("leads")] }).unwrap();
        let names: Vec<_> = parsed(&text).1.spec.access.into_iter().map(|access| access.name).collect();
        assert_eq!(names, ["edit-it", "access-2", "curfew-x"]);
        assert!(text.contains("delete clusterrolebinding -- Engineers:read"), "{text}");
        assert!(
            text.contains("name Edit_It in the chart's value grantableRoles") && !text.contains("name curfew-x in")
        );
    }
    #[test]
    fn names_of_others_break_out_of_nothing() {
        let nasty = Bound {
            name: "a'; rm -rf $HOME #".into(),
            owner: Some("x\"\n  mode: Enforce # \u{1b}[2J\u{202e}".into()),
            ..bound(&[holder("User", "\"}\n- {kind: Group, name: \"system:authenticated\u{1b}")])
        };
        let text = adopted(&nasty, "get", &[]).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && text::acts(c)), "{text:?}");
        let (_, policy) = parsed(&text);
        assert_eq!(policy.spec.requesters.len(), 1);
        assert_eq!(policy.spec.requesters[0].name, nasty.subjects[0].name);
        assert!(text.ends_with("-- 'a'\\''; rm -rf $HOME #'\n"), "{text}");
        let odd = Bound { name: "a\nkubectl delete all".into(), ..nasty };
        assert!(adopted(&odd, "get", &[]).unwrap_err().contains("cannot be written in a command"));
    }
}

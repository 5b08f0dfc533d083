//! `explain`: a policy in plain sentences, on one screen (A14).
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output;
use crate::settings::Explain;
use crate::wizard::offered;
use curfew::api::evidence::DataClass;
use curfew::api::policy::{AccessPolicy, ApprovalRule, Mode, Step};
use curfew::api::request::Lane;
use curfew::decide::screening::{self, evidence};
use curfew::decide::{selector, text};
use kube::ResourceExt;

/// How wide a line is.
const WIDTH: usize = 100;
/// The most lines of one sentence.
const MOST: usize = 4;

/// Explains one.
pub async fn run(desk: &Desk, flags: &Explain) -> Result<String, Failure> {
    let policies = desk.cluster.policies().await?;
    let policy = policies.iter().find(|policy| policy.name_any() == flags.policy);
    let policy = policy.ok_or_else(|| {
        let names = text::few(policies.iter().map(|policy| policy.name_any()), 12);
        Failure::Error(format!("there is no policy `{}`; there are {names}", text::line(&flags.policy, 63)))
    })?;
    match desk.format.is_for_people() {
        true => Ok(sentences(policy)),
        false => output::objects(&desk.format, std::slice::from_ref(policy), |_| unreachable!("not for people")),
    }
}

/// The policy, sentence by sentence.
fn sentences(policy: &AccessPolicy) -> String {
    let spec = &policy.spec;
    let approval = &spec.approval;
    let mut all = vec![format!("{}: {}", policy.name_any(), spec.description)];
    if !spec.never_for.is_empty() {
        all.push(format!("Never for {}.", text::few(&spec.never_for, 8)));
    }
    let methods = spec.safer_methods.iter().map(|method| match &method.note {
        Some(note) => format!("{} ({})", method.name, note.trim_end_matches('.')),
        None => method.name.clone(),
    });
    if !spec.safer_methods.is_empty() {
        all.push(format!("Before you ask, try {}.", text::few(methods, 6)));
    }
    let (who, place) = (text::few(&spec.requesters, 8), selector::in_words(&spec.namespaces));
    all.push(format!("Who may ask: {who}, in namespaces with {place}."));
    all.push(format!("What you can get, least first: {}.", text::few(spec.access.iter().map(offered), 8)));
    let day = if spec.duration.same_day { ", and never beyond the end of the day" } else { "" };
    let (default, max) = (spec.duration.default, spec.duration.max);
    all.push(format!("For {default} unless you say otherwise, at most {max}{day}. It ends by itself."));
    all.push(must_say(policy));
    if spec.data_class != DataClass::None {
        all.push(format!("Its data is {:?}; name at most {} records.", spec.data_class, spec.evidence.max_records));
    }
    all.extend(approval.steps.iter().map(agrees));
    all.extend(approval.rules.iter().map(rules));
    all.push(format!("If nobody has decided after {}, it is over.", approval.pending_timeout));
    all.push(format!("Once it has ended you owe a close-out, within {}.", spec.closeout.within));
    let limits = &spec.limits;
    all.push(format!(
        "At a time: access for {} and {} undecided. Renewals: {}.",
        counted(limits.active_per_requester, "ticket"),
        counted(limits.pending_per_requester, "request"),
        limits.renewals
    ));
    all.push(format!("{} answers for it. Records are kept for {} days.", spec.owner, spec.retention_days));
    if spec.mode == Mode::DryRun {
        all.push("It is on trial: nothing is granted, whoever agrees.".to_owned());
    }
    if let Err(why) = screening::readiness(policy) {
        all.push(format!("It {why}."));
    }
    let lines = all.iter().flat_map(|sentence| text::wrap(&text::line(sentence, WIDTH * MOST), WIDTH, MOST));
    lines.map(|line| line + "\n").collect()
}

fn must_say(policy: &AccessPolicy) -> String {
    let evidence = &policy.spec.evidence;
    let forms =
        evidence::needed(&policy.spec, policy.spec.access.first(), Lane::Routine).into_iter().map(|form| form.says);
    let ticket = evidence.ticket.message.trim_end_matches('.');
    let fixed = [format!("a ticket ({ticket})"), format!("a reason of at least {} words", evidence.reason.min_words)];
    let all = fixed.into_iter().chain(forms.map(str::to_owned)).collect::<Vec<_>>().join("; ");
    format!("You say: {all}.")
}

fn agrees(step: &Step) -> String {
    let people = if step.count == 1 { "one".to_owned() } else { step.count.to_string() };
    let backups = step.backups.as_ref().map_or_else(String::new, |backups| {
        format!("; after {} also {}", backups.after, text::few(&backups.approvers, 6))
    });
    let when = step.when.as_ref().map_or_else(String::new, |when| format!(" Only if {when}"));
    format!("{} agrees: {people} of {}{backups}.{when}", step.name, text::few(&step.approvers, 6))
}
fn rules(rule: &ApprovalRule) -> String {
    format!("Rule {} decides ({:?}) if {}: {}", rule.name, rule.then, rule.when, rule.message)
}
fn counted(number: i32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> AccessPolicy {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies").join(name);
        curfew::decide::manifest::policy(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a14_every_example_is_explained_on_one_screen() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let said = sentences(&example(&name));
            assert!(said.lines().count() <= 40, "{name}: {} lines\n{said}", said.lines().count());
            assert!(said.lines().all(|line| line.chars().count() <= WIDTH), "{name}\n{said}");
            for part in
                ["Who may ask", "What you can get", "It ends by itself", "You say: a ticket", "agrees:", "answers for"]
            {
                let flat = said.replace("\n  ", " ");
                assert!(flat.contains(part), "{name}: {part}\n{said}");
            }
        }
    }
    #[test]
    fn a14_it_ends_it_has_a_task_and_others_see_it() {
        let said = sentences(&example("small-team.yaml"));
        for part in ["at most 2h. It ends by itself.", "If nobody has decided after", "you owe a close-out"] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        assert!(said.contains("has not been examined"), "what is not in the cluster is not Ready: {said}");
    }
}

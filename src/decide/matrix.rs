//! The approval matrix of a policy for one request: which steps it needs, and what its rules say.
use super::calendar::Calendar;
use super::expression::{self, Asked, Expression, Facts, Scope};
use super::screening::Filing;
use super::text;
use crate::api::policy::{Approval, ApprovalRule, Ruling, Step};
use kube::ResourceExt;

/// The steps of a policy, as one request needs them.
#[derive(Clone, Debug, Default)]
pub struct Needs<'a> {
    /// Those that must be met.
    pub needed: Vec<&'a Step>,
    /// Those whose `when` is false.
    pub not_needed: Vec<&'a Step>,
    /// Steps whose `when` cannot be judged, and why: they are needed.
    pub unjudged: Vec<String>,
}

/// What the rules say about one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruled<'a> {
    /// Nothing: people decide.
    Open,
    /// No, by this rule.
    Denied(&'a ApprovalRule),
    /// Yes, by this rule.
    Approved(&'a ApprovalRule),
    /// Nothing is granted: these rules cannot be judged, and why.
    Held(String),
}

/// A request with everything that it names resolved, and what the approval matrix of its policy says of it: judged once.
#[derive(Clone, Debug)]
pub struct Judgement<'a> {
    /// What is judged.
    pub filing: Filing<'a>,
    /// The steps that it needs.
    pub needs: Needs<'a>,
    /// What the rules say.
    pub ruled: Ruled<'a>,
}
impl<'a> Judgement<'a> {
    /// Judges every expression of the policy.
    pub fn of(filing: Filing<'a>) -> Self {
        let Approval { steps, rules, .. } = &filing.policy.spec.approval;
        let whens = steps.iter().filter_map(|step| step.when.as_deref());
        let whens: Vec<_> = whens.chain(rules.iter().map(|rule| rule.when.as_str())).collect();
        let mut answers = judged(&filing, &whens).into_iter();
        let (needs, ruled) = (needs(steps, &mut answers), ruled(rules, answers));
        Self { filing, needs, ruled }
    }
}

/// What an expression says of each access that is asked for, or why it cannot be judged.
type Answer = Result<Vec<bool>, String>;

/// Which steps a request needs: without a `when` always, with one if it holds or cannot be judged.
fn needs<'a>(steps: &'a [Step], answers: &mut impl Iterator<Item = Answer>) -> Needs<'a> {
    let mut needs = Needs::default();
    for step in steps {
        let answer = step.when.as_ref().and_then(|_| answers.next());
        match answer.map_or(Ok(true), |answer| answer.map(|of| of.contains(&true))) {
            Ok(false) => needs.not_needed.push(step),
            Ok(true) => needs.needed.push(step),
            Err(why) => {
                needs.needed.push(step);
                needs.unjudged.push(format!("`{}` is needed, as its `when` cannot be judged: {why}", step.name));
            }
        }
    }
    needs
}

/// What the rules say: one Deny is enough, one that cannot be judged holds it, and only then an Approve counts (C12).
fn ruled(rules: &[ApprovalRule], answers: impl Iterator<Item = Answer>) -> Ruled<'_> {
    let says = |then: Ruling, of: Vec<bool>| match then {
        Ruling::Deny => of.contains(&true),
        Ruling::Approve => !of.contains(&false),
    };
    let judged: Vec<_> =
        rules.iter().zip(answers).map(|(rule, answer)| (rule, answer.map(|of| says(rule.then, of)))).collect();
    let first = |then: Ruling| judged.iter().find(|(rule, holds)| rule.then == then && *holds == Ok(true));
    if let Some((rule, _)) = first(Ruling::Deny) {
        return Ruled::Denied(rule);
    }
    let unjudged =
        judged.iter().filter_map(|(rule, holds)| Some(format!("`{}`: {}", rule.name, holds.as_ref().err()?)));
    let unjudged: Vec<_> = unjudged.collect();
    if !unjudged.is_empty() {
        return Ruled::Held(text::few(unjudged, 4));
    }
    first(Ruling::Approve).map_or(Ruled::Open, |(rule, _)| Ruled::Approved(rule))
}

/// What is wrong with the expressions of a policy: field, place and cause of each.
pub fn faults(approval: &Approval) -> Vec<String> {
    let steps =
        approval.steps.iter().filter_map(|step| Some((format!("steps[{}].when", step.name), step.when.as_deref()?)));
    let rules = approval.rules.iter().map(|rule| (format!("rules[{}].when", rule.name), rule.when.as_str()));
    let all = steps.chain(rules);
    all.filter_map(|(field, when)| Some(format!("spec.approval.{field}: {}", expression::read(when).err()?))).collect()
}

/// Judges expressions by the facts of one request: for the first access, and for the second if one is asked for, since
/// whoever agrees, agrees to both. There is one answer for each, in their order.
fn judged(filing: &Filing<'_>, whens: &[&str]) -> Vec<Answer> {
    if whens.is_empty() {
        return vec![];
    }
    let read: Vec<_> = whens.iter().map(|when| expression::read(when).map_err(|fault| fault.to_string())).collect();
    let spec = serde_json::to_value(&filing.request.spec);
    let answers = match &spec {
        Ok(spec) => under_each(filing, spec, &read.iter().flatten().map(AsRef::as_ref).collect::<Vec<_>>()),
        Err(why) => vec![Err(why.to_string()); whens.len()],
    };
    let mut answers = answers.into_iter();
    read.into_iter().filter_map(|read| read.map_or_else(|why| Some(Err(why)), |_| answers.next())).collect()
}
/// What each expression says of each access that is asked for. The spec is as it was filed, so that a field which is added to
/// the API is there by itself.
fn under_each(filing: &Filing<'_>, spec: &serde_json::Value, expressions: &[&Expression]) -> Vec<Answer> {
    let Filing { request, policy, namespace, installation, now, .. } = *filing;
    let name = namespace.name_any();
    let scope = Scope::new(&Facts {
        request: spec,
        username: &request.spec.requester.username,
        groups: &request.spec.requester.groups,
        namespace: &name,
        labels: namespace.labels(),
        now,
        in_work_hours: Calendar::of(&policy.spec, installation).ok().map(|calendar| calendar.is_work_time(now)),
    });
    let second = filing.then.map(|stage| (stage.access, stage.duration));
    let asked = [(filing.access, filing.duration)].into_iter().chain(second);
    let asked: Vec<_> = asked.map(|(access, duration)| (access, format!("{:?}", access.level), duration)).collect();
    let of_each = asked
        .iter()
        .map(|(access, level, duration)| scope.of(&Asked { access: &access.name, level, duration: *duration }));
    let scopes: Vec<_> = of_each.collect();
    let all = expressions.iter().flat_map(|expression| scopes.iter().map(move |scope| (*expression, scope)));
    let answers = expression::all_hold(&all.collect::<Vec<_>>());
    answers.chunks(scopes.len()).map(|of_one| of_one.iter().cloned().collect()).collect()
}

#[cfg(test)]
mod tests;

//! The approval matrix of a policy for one request: which steps it needs, and what its rules say.
use super::calendar::Calendar;
use super::expression::{self, Facts, Scope};
use super::screening::Filing;
use super::text;
use crate::api::policy::{Access, Approval, ApprovalRule, Ruling, Step};
use chrono::TimeDelta;
use kube::ResourceExt;
use std::cell::OnceCell;

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
        let judge = Judge { filing: &filing, scopes: OnceCell::new() };
        let (needs, ruled) = (needs(&judge), ruled(&judge));
        Self { filing, needs, ruled }
    }
}

/// Which steps this request needs: without a `when` always, with one if it holds or cannot be judged.
fn needs<'a>(judge: &Judge<'_, 'a>) -> Needs<'a> {
    let mut needs = Needs::default();
    for step in &judge.filing.policy.spec.approval.steps {
        let holds = step.when.as_deref().map_or(Ok(true), |when| judge.holds(when).map(|of| of.contains(&true)));
        match holds {
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
fn ruled<'a>(judge: &Judge<'_, 'a>) -> Ruled<'a> {
    let rules = &judge.filing.policy.spec.approval.rules;
    let says = |then: Ruling, of: Vec<bool>| match then {
        Ruling::Deny => of.contains(&true),
        Ruling::Approve => !of.contains(&false),
    };
    let judged: Vec<_> =
        rules.iter().map(|rule| (rule, judge.holds(&rule.when).map(|of| says(rule.then, of)))).collect();
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

/// Judges expressions by the facts of one request, which are gathered for the first of them.
struct Judge<'f, 'a> {
    filing: &'f Filing<'a>,
    scopes: OnceCell<Result<Vec<Scope>, String>>,
}
impl Judge<'_, '_> {
    /// For the first access, and for the second if one is asked for: whoever agrees, agrees to both.
    fn holds(&self, when: &str) -> Result<Vec<bool>, String> {
        let expression = expression::read(when).map_err(|fault| fault.to_string())?;
        let scopes = self.scopes.get_or_init(|| scopes(self.filing));
        scopes.as_ref().map_err(Clone::clone)?.iter().map(|scope| expression.holds(scope)).collect()
    }
}

fn scopes(filing: &Filing<'_>) -> Result<Vec<Scope>, String> {
    let first = (filing.access, filing.duration);
    let second = filing.then.map(|stage| (stage.access, stage.duration));
    [first].into_iter().chain(second).map(|(access, duration)| scope(filing, access, duration)).collect()
}
fn scope(filing: &Filing<'_>, access: &Access, duration: TimeDelta) -> Result<Scope, String> {
    let Filing { request, policy, namespace, installation, now, .. } = *filing;
    // As it was filed, so that a field which is added to the API is there by itself.
    let spec = serde_json::to_value(&request.spec).map_err(|error| error.to_string())?;
    let at = now;
    Scope::new(&Facts {
        request: &spec,
        username: &request.spec.requester.username,
        groups: &request.spec.requester.groups,
        access: &access.name,
        level: format!("{:?}", access.level),
        duration,
        namespace: &namespace.name_any(),
        labels: namespace.labels(),
        now: at,
        in_work_hours: Calendar::of(&policy.spec, installation).ok().map(|calendar| calendar.is_work_time(at)),
    })
}

#[cfg(test)]
mod tests;

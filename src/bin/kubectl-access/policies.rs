//! `policies`: what one may ask for, here.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::fits::{self, Fit};
use crate::output;
use crate::settings::Policies;
use curfew::api::policy::AccessPolicy;
use curfew::decide::table::Table;
use curfew::decide::text;
use kube::ResourceExt;

/// Lists them.
pub async fn run(desk: &Desk, flags: &Policies) -> Result<String, Failure> {
    let (all, namespace) = fits::all(desk).await?;
    let place = if desk.all { "any namespace".to_owned() } else { desk.namespace.clone() };
    let shown: Vec<_> = all.into_iter().filter(|(_, fit)| flags.all || fit.may()).collect();
    if namespace.is_none() && !desk.all && shown.iter().any(|(_, fit)| *fit == Fit::PerhapsHere) {
        desk.say(&format!(
            "You may not see the labels of {place}, or it does not exist: whether these cover it is not known."
        ));
    }
    if shown.is_empty() && flags.all {
        desk.say("There is no policy in this cluster: its owners write the first one.");
    } else if shown.is_empty() {
        desk.say(&format!(
            "There is nothing that you may ask for in {place}. All cases: kubectl access policies --all"
        ));
    } else if desk.format.is_for_people() {
        desk.say("More about one: kubectl access explain NAME");
    }
    let (policies, fits): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
    if shown_nothing(&policies, desk) {
        return Ok(String::new());
    }
    output::objects(&desk.format, &policies, |wide| table(&policies, &fits, wide || flags.all))
}
fn shown_nothing(policies: &[AccessPolicy], desk: &Desk) -> bool {
    policies.is_empty() && desk.format.is_for_people()
}

fn table(policies: &[AccessPolicy], fits: &[Fit], wide: bool) -> Table {
    let rows = policies.iter().zip(fits).map(|(policy, fit)| {
        let spec = &policy.spec;
        let access = text::few(spec.access.iter().map(|access| &access.name), 8);
        let steps = text::few(spec.approval.steps.iter().map(|step| &step.name), 9);
        let time = format!("{}, at most {}", spec.duration.default, spec.duration.max);
        let mut row = vec![policy.name_any(), access, time, steps];
        if wide {
            row.push(fit.in_words().to_owned());
        }
        row.push(spec.description.clone());
        row
    });
    let head: &[&str] = match wide {
        true => &["NAME", "ACCESS", "FOR", "AGREES", "MAY-ASK", "WHAT-FOR"],
        false => &["NAME", "ACCESS", "FOR", "AGREES", "WHAT-FOR"],
    };
    Table { head, rows: rows.collect() }
}

//! Which evidence a case needs, what of it is missing, and how a refusal explains it.
use crate::api::evidence::Required;
use crate::api::policy::{Access, AccessPolicySpec};
use crate::api::request::{AccessRequestSpec, Lane};

/// One piece of evidence, as `kubectl explain` would say it, with an example that can be pasted below `spec`.
#[derive(Debug)]
pub struct Form {
    /// Which.
    pub what: Required,
    /// The field, from `spec` on.
    pub field: &'static str,
    /// What belongs into it.
    pub says: &'static str,
    /// A line of YAML.
    pub example: &'static str,
    is_given: fn(&AccessRequestSpec) -> bool,
}

/// Every piece, in the order in which people are asked (B17): whose account, which data, and why access at all.
pub const FORMS: &[Form] = &[
    Form {
        what: Required::Tenant,
        field: "data[].tenant",
        says: "the number of the user, customer or tenant, in each entry",
        example: r#"data: [{system: billing-db, tenant: "4812"}]"#,
        is_given: |spec| !spec.data.is_empty() && spec.data.iter().all(|d| is_said(d.tenant.as_deref())),
    },
    Form {
        what: Required::Data,
        field: "data",
        says: "which systems, and in each the records or the fields; keys only",
        example: r#"data: [{system: billing-db, tenant: "4812", records: ["99017"]}]"#,
        is_given: |spec| !spec.data.is_empty(),
    },
    Form {
        what: Required::WhyNotSafer,
        field: "whyNotSafer",
        says: "why the safer methods do not give the answer",
        example: "whyNotSafer: The billing board shows totals only, not single invoices.",
        is_given: |spec| is_said(spec.why_not_safer.as_deref()),
    },
    Form {
        what: Required::WhyNotLower,
        field: "whyNotLower",
        says: "why a lower level will not do",
        example: "whyNotLower: The worker hangs, and only a restart frees its queue.",
        is_given: |spec| is_said(spec.why_not_lower.as_deref()),
    },
    Form {
        what: Required::Plan,
        field: "plan",
        says: "what you will do or look at, in order",
        example: r#"plan: [kubectl logs deploy/invoicer, compare the invoice lines]"#,
        is_given: |spec| spec.plan.iter().any(|step| is_said(Some(step))),
    },
    Form {
        what: Required::LegalBasis,
        field: "legalBasis",
        says: "what makes it lawful to see this data, and where that is written",
        example: "legalBasis: {type: CustomerConsent, ref: SUP-4812}",
        is_given: |spec| spec.legal_basis.is_some(),
    },
    Form {
        what: Required::Attachments,
        field: "attachments",
        says: "links to proof, never the data itself",
        example: "attachments: [{kind: CaseReference, url: \"https://tracker.example.com/SUP-4812\"}]",
        is_given: |spec| !spec.attachments.is_empty(),
    },
];

fn is_said(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

/// What this policy asks of somebody who wants this access; the policy is the only source, so it is the same for all (A15).
pub fn needed(policy: &AccessPolicySpec, access: Option<&Access>, lane: Lane) -> Vec<&'static Form> {
    FORMS.iter().filter(|form| is_needed(form.what, policy, access, lane)).collect()
}

/// Whether one piece is asked for: by the policy's list, by an access above the first (B10), or by the class of the data (B8).
/// In an emergency only the second: the rest is owed with the close-out (H17).
pub fn is_needed(what: Required, policy: &AccessPolicySpec, access: Option<&Access>, lane: Lane) -> bool {
    let is_above_first = || access.is_some_and(|asked| policy.access.first().is_some_and(|first| first != asked));
    if lane == Lane::Emergency {
        return what == Required::WhyNotLower && is_above_first();
    }
    policy.evidence.require.contains(&what)
        || (what == Required::WhyNotLower && is_above_first())
        || (what == Required::LegalBasis && policy.data_class.needs_legal_basis())
}

/// Those among them that the request does not give.
pub fn missing<'a>(needed: &[&'a Form], spec: &AccessRequestSpec) -> Vec<&'a Form> {
    needed.iter().filter(|form| !(form.is_given)(spec)).copied().collect()
}

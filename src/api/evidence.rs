//! What a request says for itself beside ticket and reason, and which of it a policy asks for.
//!
//! All of it is declared: it is shown to those who decide and kept in the record, and RBAC enforces none of it.
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumMessage, IntoStaticStr, VariantArray};

/// Which data may be seen under a policy; `Personal` and `Regulated` need a written legal basis (B8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum DataClass {
    /// Nothing that anybody has to protect.
    #[default]
    None,
    /// What stays inside the organisation.
    Internal,
    /// What is about a person.
    Personal,
    /// What a law or a contract regulates: health, payments, minors.
    Regulated,
}
impl DataClass {
    /// Whether a request needs a legal basis, whatever its policy asks.
    pub fn needs_legal_basis(self) -> bool {
        matches!(self, Self::Personal | Self::Regulated)
    }
}

/// One piece of evidence that a policy can ask for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    IntoStaticStr,
    EnumMessage,
    VariantArray,
)]
pub enum Required {
    /// `data[].tenant`: whose data it is.
    Tenant,
    /// `data`: which systems, and in them which records or fields.
    Data,
    /// `whyNotSafer`: why the policy's safer methods do not give the answer.
    WhyNotSafer,
    /// `whyNotLower`: why a lower level will not do; always asked for above the policy's first access.
    WhyNotLower,
    /// `plan`: what will be done or looked at.
    Plan,
    /// `legalBasis`: always asked for where `dataClass` is `Personal` or `Regulated`.
    LegalBasis,
    /// `attachments`: links to proof.
    Attachments,
}
impl Required {
    /// What a policy asks for that does not say: the least that an approver can judge by.
    pub const DEFAULT: [Self; 2] = [Self::WhyNotSafer, Self::Data];
}

/// Data in one system: whose, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct DataScope {
    /// The system that holds it, such as `billing-db`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"\S"))]
    pub system: String,
    /// What kind of thing it is, such as `invoice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"\S"))]
    pub kind: Option<String>,
    /// The number of the user, customer or tenant whose data it is. A number, never a name or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"\S"))]
    pub tenant: Option<String>,
    /// The keys of the records, such as invoice numbers. Keys only, never what is in the records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64), regex(pattern = r"\S")))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub records: Vec<String>,
    /// The names of the fields, such as `total`. Who needs two fields of a record does not ask for the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64), regex(pattern = r"\S")))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub fields: Vec<String>,
}

/// What makes it lawful to look at somebody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BasisType {
    /// A contract with the person or organisation whose data it is.
    Contract,
    /// Their own request for their data, such as one for disclosure or erasure.
    PrivacyRequest,
    /// A duty to audit.
    AuditDuty,
    /// A case of suspected fraud.
    FraudReview,
    /// A security incident.
    SecurityIncident,
    /// Their consent, in writing.
    CustomerConsent,
    /// A duty to preserve evidence.
    LegalHold,
    /// An order of a court or an authority.
    Subpoena,
}

/// What makes it lawful, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct LegalBasis {
    /// Which basis.
    #[serde(rename = "type")]
    #[schemars(rename = "type")]
    pub type_: BasisType,
    /// Where it is written: the number of the contract, case, consent or order.
    #[serde(rename = "ref")]
    #[schemars(rename = "ref", length(min = 1, max = 128), regex(pattern = r"\S"))]
    pub ref_: String,
}

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AttachmentKind {
    /// A page of a tracker, a support queue or a case file.
    CaseReference,
    /// Lines of a log.
    Log,
    /// A picture of what was seen.
    Screenshot,
    /// Anything else.
    Other,
}

/// A link to proof, never the proof itself: who may open it, its own system decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Attachment {
    /// Where it is. Leave out what opens it: no tokens, no signed links.
    #[schemars(length(max = 512), regex(pattern = "^https?://"))]
    pub url: String,
    /// SHA-256 of the file in lower-case hexadecimal, so that a later reader knows it is the same. Leave it out for a page
    /// that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// What it is.
    pub kind: AttachmentKind,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crds;
    use serde_json::{Value, json};

    /// The schema of `spec` of a kind, without its descriptions.
    fn spec_of(kind: &str) -> Value {
        fn without_words(schema: &mut Value) {
            if let Value::Object(schema) = schema {
                schema.remove("description");
                schema.values_mut().for_each(without_words);
            }
        }
        let crd = json!(crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap());
        let mut spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
        without_words(&mut spec);
        spec
    }

    #[test]
    fn b27_what_a_request_may_say_its_record_can_hold() {
        let (request, grant) = (spec_of("AccessRequest"), spec_of("AccessGrant"));
        for field in ["data", "whyNotSafer", "whyNotLower", "plan", "legalBasis", "attachments"] {
            let (asked, kept) = (&request["properties"][field], &grant["properties"][field]);
            assert!(asked.is_object() && asked == kept, "{field}: {asked} {kept}");
        }
    }

    #[test]
    fn b8_only_data_of_people_and_of_regulators_needs_a_basis() {
        let classes = [DataClass::None, DataClass::Internal, DataClass::Personal, DataClass::Regulated];
        assert_eq!(classes.map(DataClass::needs_legal_basis), [false, false, true, true]);
        assert_eq!(DataClass::default(), DataClass::None);
    }
}

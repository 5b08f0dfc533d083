//! The metrics: the names that operators of controllers know, and those that only an access has.
use crate::api::duty;
use crate::api::policy::Duty;
use crate::api::reasons;
use crate::api::request::Lane;
use crate::decide::transition::{FLAGGED, Transition};
use crate::decide::{Audit, Fuses, Guard, Standing};
use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use strum::VariantArray;

/// How a pass ended, by the labels of controller-runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PassResult {
    /// Nothing is left to do until something changes.
    Success,
    /// It looks again at once.
    Requeue,
    /// It looks again at a time.
    RequeueAfter,
    /// It failed and is repeated.
    Error,
}

/// One metric as the reference lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// What it says.
    pub help: String,
}

/// All that is counted: a handle, cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    described: Vec<Described>,
    passes: IntCounterVec,
    pass_errors: IntCounterVec,
    pass_time: HistogramVec,
    workers: IntGaugeVec,
    leader: IntGaugeVec,
    lateness: Histogram,
    removals_failed: IntCounter,
    grants_active: IntGaugeVec,
    renewals: IntCounterVec,
    grants_ended: IntCounterVec,
    expired_not_removed: IntGauge,
    review_age: GaugeVec,
    standing_subjects: IntGaugeVec,
    duties_overdue: IntGaugeVec,
    guard_intact: IntGauge,
    fuses_burn: IntGauge,
    failed_calls: IntCounterVec,
    requests_refused: IntCounterVec,
    tickets_unconfirmed: IntCounterVec,
    transitions: IntCounterVec,
    to_decision: Histogram,
    to_access: Histogram,
    filed_to_access: HistogramVec,
    emergencies: IntCounterVec,
    unapproved: IntCounterVec,
    clock_skew: Gauge,
    exports_failed: IntCounter,
    events_dropped: IntCounter,
    notices_sent: IntCounter,
    notices_dropped: IntCounter,
    audit_events_read: IntCounter,
    audit_events_dropped: IntCounter,
    audit_delivers: IntGauge,
}

/// Which kind has which conditions.
const KINDS: &[(&str, &[&str])] = &[
    ("AccessPolicy", &["Ready", "DutiesMet"]),
    ("AccessRequest", &["Screened", "Approved", "SecondStage", "Active"]),
    ("AccessGrant", &["Active", "RemovalVerified", "DutiesMet"]),
];
/// From an end that is exact to one that a person would notice.
const LATENESS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// From a rule's decision to a person's who was asleep.
const DECISION: &[f64] = &[1.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0, 86400.0];
/// From the approval to the binding.
const ACCESS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// As controller-runtime has it, roughly.
const PASS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Registers metrics, and remembers how they describe themselves.
#[derive(Default)]
struct Making {
    registry: Registry,
    described: Vec<Described>,
}
impl Making {
    fn keep<C: Collector + Clone + 'static>(&mut self, made: prometheus::Result<C>) -> C {
        let made = made.expect("names and labels are fixed, and valid");
        self.described.extend(made.desc().into_iter().map(|d| Described {
            name: d.fq_name.clone(),
            labels: d.variable_labels.clone(),
            help: d.help.clone(),
        }));
        self.registry.register(Box::new(made.clone())).expect("names are distinct");
        made
    }
    fn count(&mut self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::new(name, help))
    }
    fn counts(&mut self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels))
    }
    fn gauge(&mut self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::new(name, help))
    }
    fn gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(Opts::new(name, help), labels))
    }
    fn times(&mut self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.keep(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
impl Metrics {
    /// A registry of its own, so that two operators in one process do not count for each other.
    pub fn new() -> Self {
        let mut m = Making::default();
        let build =
            m.keep(GaugeVec::new(Opts::new("curfew_build_info", "Which release runs; always 1."), &["version"]));
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let pass_time = HistogramOpts::new("controller_runtime_reconcile_time_seconds", "How long a pass took.");
        let made = Self(Arc::new(Inner {
            passes: m.counts(
                "controller_runtime_reconcile_total",
                "Passes by how they ended.",
                &["controller", "result"],
            ),
            pass_errors: m.counts("controller_runtime_reconcile_errors_total", "Passes that failed.", &["controller"]),
            pass_time: m.keep(HistogramVec::new(pass_time.buckets(PASS.to_vec()), &["controller"])),
            workers: m.gauges("controller_runtime_active_workers", "Passes that run.", &["controller"]),
            leader: m.gauges("leader_election_master_status", "1 on the replica that may grant.", &["name"]),
            lateness: m.times(
                "curfew_expiry_lateness_seconds",
                "From the end of a grant to the deletion of its binding.",
                LATENESS,
            ),
            removals_failed: m
                .count("curfew_removals_failed_total", "Deletions of bindings that failed; each is repeated."),
            grants_active: m.gauges("curfew_grants_active", "Grants whose binding exists.", &["policy"]),
            renewals: m.counts("curfew_renewals_total", "Renewals that began.", &["policy"]),
            grants_ended: m.counts("curfew_grants_ended_total", "Grants that ended, by why.", &["policy", "reason"]),
            expired_not_removed: m
                .gauge("curfew_expired_not_removed", "Grants that are over and whose binding exists: must be 0."),
            review_age: m.keep(GaugeVec::new(
                Opts::new(
                    "curfew_policy_review_age_seconds",
                    "Since the owner of a policy last said that they looked after it, or since it was made.",
                ),
                &["policy", "what"],
            )),
            standing_subjects: m.gauges(
                "curfew_standing_subjects",
                "Users and groups with standing access to a protected namespace, on the replica that may grant.",
                &["namespace"],
            ),
            duties_overdue: m.gauges(
                "curfew_duties_overdue",
                "Duties that were not done in time, and are still to be done.",
                &["policy", "duty"],
            ),
            guard_intact: m
                .gauge("curfew_guard_intact", "1 while admission protects decisions; otherwise nothing is granted."),
            fuses_burn: m.gauge("curfew_fuses_burn", "1 while access would end although every replica were dead."),
            failed_calls: m.counts("curfew_failed_calls_total", "Calls of the API server that failed.", &["operation"]),
            requests_refused: m.counts(
                "curfew_requests_refused_total",
                "Requests that were not granted, by why.",
                &["policy", "reason"],
            ),
            tickets_unconfirmed: m.counts(
                "curfew_tickets_unconfirmed_total",
                "Requests that were agreed to while only the pattern had checked the ticket.",
                &["policy"],
            ),
            transitions: m.counts(
                "curfew_transitions_total",
                "Conditions that changed.",
                &["kind", "condition", "reason"],
            ),
            to_decision: m.times(
                "curfew_request_to_decision_seconds",
                "From the filing of a request to its decision.",
                DECISION,
            ),
            to_access: m.times("curfew_approval_to_access_seconds", "From the last approval to the binding.", ACCESS),
            filed_to_access: m.keep(HistogramVec::new(
                HistogramOpts::new(
                    "curfew_request_to_access_seconds",
                    "From the filing of a request to the binding, by lane; without what was planned or renewed.",
                )
                .buckets(DECISION.to_vec()),
                &["lane"],
            )),
            emergencies: m.counts(
                "curfew_emergencies_total",
                "Emergencies that were decided, whatever came of them.",
                &["policy", "namespace"],
            ),
            unapproved: m.counts(
                "curfew_unapproved_total",
                "Access in emergencies to which nobody had agreed: given at once, until it ended (`NotApproved`), or to who went on alone (`SelfApproved`).",
                &["policy", "flag"],
            ),
            clock_skew: m.keep(Gauge::new(
                "curfew_clock_skew_seconds",
                "How far the API server's clock is ahead; beyond 2 nothing begins.",
            )),
            exports_failed: m.count(
                "curfew_exports_failed_total",
                "Records that could not be exported after their retention, so they stay; each is tried again.",
            ),
            audit_events_read: m.count("curfew_audit_events_read_total", "Audit events that were read."),
            audit_events_dropped: m.count(
                "curfew_audit_events_dropped_total",
                "Lines of the audit source that were not read: too long, or no audit event.",
            ),
            audit_delivers: m.gauge(
                "curfew_audit_delivers",
                "1 while audit events arrive at this replica; otherwise it counts no use, and nothing ends as unused.",
            ),
            events_dropped: m.count(
                "curfew_events_dropped_total",
                "Events that were not written: too many, or the API server refused.",
            ),
            notices_sent: m.count("curfew_notifications_sent_total", "Notifications that the receiver has taken."),
            notices_dropped: m.count(
                "curfew_notifications_dropped_total",
                "Notifications that were not delivered: too many, or the receiver is dead or refused.",
            ),
            registry: m.registry,
            described: m.described,
        }));
        made.expect_transitions();
        made
    }
    /// Every transition that can be, with 0: else an alert on an increase would miss the first.
    fn expect_transitions(&self) {
        for (condition, _, reason, _) in reasons::reference() {
            for kind in KINDS.iter().filter(|(_, conditions)| conditions.contains(&condition)).map(|(kind, _)| *kind) {
                self.0.transitions.with_label_values(&[kind, condition, reason]).inc_by(0);
            }
        }
        for flag in reasons::FlagType::VARIANTS {
            self.0.transitions.with_label_values(&["AccessGrant", FLAGGED, flag.into()]).inc_by(0);
        }
    }

    /// Every metric, for the reference.
    pub fn reference(&self) -> Vec<Described> {
        self.0.described.clone()
    }
    /// All of it in Prometheus' text format.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.0.registry.gather(), &mut text) {
            tracing::warn!(error = &error as &dyn std::error::Error, "metrics could not be written");
        }
        text
    }

    /// A pass begins; [`Pass::done`] says how it ended.
    pub fn pass(&self, controller: &'static str) -> Pass {
        self.0.workers.with_label_values(&[controller]).inc();
        Pass { metrics: self.clone(), controller, began: Instant::now() }
    }
    /// A binding was deleted so long after its end.
    pub fn ended_late(&self, by: Duration) {
        self.0.lateness.observe(by.as_secs_f64());
    }
    /// A binding could not be deleted.
    pub fn removal_failed(&self) {
        self.0.removals_failed.inc();
    }
    /// How many grants hold, by policy: all of them, so that a policy that is not named has none.
    pub fn active(&self, by_policy: &BTreeMap<String, usize>) {
        self.0.grants_active.reset();
        for (policy, count) in by_policy {
            self.0.grants_active.with_label_values(&[policy]).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }
    /// A renewal began.
    pub fn renewed(&self, policy: &str) {
        self.0.renewals.with_label_values(&[policy]).inc();
    }
    /// A grant ended.
    pub fn ended(&self, policy: &str, reason: &str) {
        self.0.grants_ended.with_label_values(&[policy, reason]).inc();
    }
    /// How long ago the owner of a policy last looked after each of their duties.
    pub fn reviews(&self, policy: &str, ages: &[(Duty, chrono::TimeDelta)]) {
        for (what, age) in ages {
            self.0.review_age.with_label_values(&[policy, what.into()]).set(age.as_seconds_f64());
        }
    }
    /// How many duties of each kind are overdue under a policy.
    pub fn duties(&self, policy: &str, overdue: &[(duty::Duty, usize)]) {
        for (duty, count) in overdue {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.0.duties_overdue.with_label_values(&[policy, duty.into()]).set(count);
        }
    }
    /// Nothing is known of a policy's reviews and duties any more: it is gone, or another replica looks at it.
    pub fn forget_reviews(&self, policy: &str) {
        for duty in duty::Duty::VARIANTS {
            drop(self.0.duties_overdue.remove_label_values(&[policy, duty.into()]));
        }
        for what in Duty::VARIANTS {
            // Where there was none there is none to forget.
            drop(self.0.review_age.remove_label_values(&[policy, what.into()]));
        }
    }
    /// How many users and groups hold standing access, by protected namespace: all of them, so that one that is not named is
    /// not protected.
    pub fn standing_subjects(&self, by_namespace: &BTreeMap<String, usize>) {
        self.0.standing_subjects.reset();
        for (namespace, count) in by_namespace {
            self.0.standing_subjects.with_label_values(&[namespace]).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }
    /// How many grants are over and still give access.
    pub fn expired_not_removed(&self, count: usize) {
        self.0.expired_not_removed.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    /// Whether anything may begin, and why not.
    pub fn standing(&self, standing: &Standing, lease: &str) {
        self.0.leader.with_label_values(&[lease]).set(standing.lease_held.into());
        self.0.guard_intact.set(matches!(standing.guard, Guard::Intact { .. }).into());
        self.0.fuses_burn.set((standing.fuses == Fuses::Burn).into());
        self.0.audit_delivers.set(matches!(standing.audit, Audit::Delivers { .. }).into());
    }
    /// A call failed: [`crate::cluster::Error::label`](../../cluster/enum.Error.html).
    pub fn failed_call(&self, operation: &'static str) {
        self.0.failed_calls.with_label_values(&[operation]).inc();
    }
    /// A request was not granted. `policy` is `None` where there is no such policy: people must not be able to invent series.
    pub fn refused(&self, policy: Option<&str>, reason: &str) {
        self.0.requests_refused.with_label_values(&[policy.unwrap_or_default(), reason]).inc();
    }
    /// A request was agreed to, and nothing that knows the tracker had confirmed its ticket.
    pub fn ticket_unconfirmed(&self, policy: &str) {
        self.0.tickets_unconfirmed.with_label_values(&[policy]).inc();
    }
    /// A condition changed.
    pub fn transition(&self, kind: &str, transition: &Transition) {
        self.0.transitions.with_label_values(&[kind, &transition.condition, &transition.reason]).inc();
    }
    /// A request was decided so long after it was filed.
    pub fn decided_after(&self, time: Duration) {
        self.0.to_decision.observe(time.as_secs_f64());
    }
    /// Access began so long after the last approval.
    pub fn began_after(&self, time: Duration) {
        self.0.to_access.observe(time.as_secs_f64());
    }
    /// Access began so long after its request was filed.
    pub fn access_after(&self, lane: Lane, time: Duration) {
        self.0.filed_to_access.with_label_values(&[<&str>::from(lane)]).observe(time.as_secs_f64());
    }
    /// An emergency was decided.
    pub fn emergency(&self, policy: &str, namespace: &str) {
        self.0.emergencies.with_label_values(&[policy, namespace]).inc();
    }
    /// Nobody had agreed to an access, as this flag says.
    pub fn unapproved(&self, policy: &str, flag: &str) {
        self.0.unapproved.with_label_values(&[policy, flag]).inc();
    }
    /// How far the API server's clock is ahead.
    pub fn clock_skew(&self, ahead: chrono::TimeDelta) {
        self.0.clock_skew.set(ahead.as_seconds_f64());
    }
    /// A record could not be exported.
    pub fn export_failed(&self) {
        self.0.exports_failed.inc();
    }
    /// So many lines of the audit source were read, and so many not.
    pub fn audit_events(&self, read: usize, dropped: usize) {
        self.0.audit_events_read.inc_by(u64::try_from(read).unwrap_or(u64::MAX));
        self.0.audit_events_dropped.inc_by(u64::try_from(dropped).unwrap_or(u64::MAX));
    }
    /// An Event was not written.
    pub fn event_dropped(&self) {
        self.0.events_dropped.inc();
    }
    /// The receiver has taken a notification.
    pub fn notice_sent(&self) {
        self.0.notices_sent.inc();
    }
    /// A notification was not delivered.
    pub fn notice_dropped(&self) {
        self.0.notices_dropped.inc();
    }
}

/// One pass that runs.
pub struct Pass {
    metrics: Metrics,
    controller: &'static str,
    began: Instant,
}
impl Pass {
    /// It ended so.
    pub fn done(self, result: PassResult) {
        let inner = &self.metrics.0;
        inner.passes.with_label_values(&[self.controller, result.into()]).inc();
        inner.pass_time.with_label_values(&[self.controller]).observe(self.began.elapsed().as_secs_f64());
        // Counted also when it is 0, so that an alert on its increase sees the first failure.
        inner.pass_errors.with_label_values(&[self.controller]).inc_by((result == PassResult::Error).into());
    }
}
impl Drop for Pass {
    fn drop(&mut self) {
        self.metrics.0.workers.with_label_values(&[self.controller]).dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.text()).unwrap()
    }
    fn everything() -> Metrics {
        let m = Metrics::new();
        m.pass("grant").done(PassResult::RequeueAfter);
        m.ended_late(Duration::from_millis(40));
        m.removal_failed();
        m.active(&[("customer-support".to_owned(), 2)].into());
        m.renewed("customer-support");
        m.ended("customer-support", "Expired");
        m.reviews("customer-support", &[(Duty::Approvers, chrono::TimeDelta::days(1))]);
        m.standing_subjects(&[("billing".to_owned(), 3)].into());
        m.duties("customer-support", &[(duty::Duty::CloseOut, 1)]);
        m.expired_not_removed(0);
        m.standing(&Standing { lease_held: true, ..Standing::unknown() }, "curfew");
        m.failed_call("create_binding");
        m.refused(None, "PolicyNotFound");
        m.ticket_unconfirmed("customer-support");
        let changed = Transition {
            condition: "Active".into(),
            status: "True".into(),
            reason: "Bound".into(),
            before: String::new(),
            message: String::new(),
        };
        m.transition("AccessGrant", &changed);
        m.decided_after(Duration::from_secs(60));
        m.began_after(Duration::from_millis(94));
        m.access_after(Lane::Emergency, Duration::from_secs(120));
        m.emergency("incident-response", "billing");
        m.unapproved("live-incident", "NotApproved");
        m.clock_skew(chrono::TimeDelta::milliseconds(-500));
        m.event_dropped();
        m.notice_sent();
        m.notice_dropped();
        m.audit_events(7, 1);
        m
    }

    #[test]
    fn every_documented_name_is_served() {
        let metrics = everything();
        let served = text(&metrics);
        for name in [
            "controller_runtime_reconcile_total{controller=\"grant\",result=\"requeue_after\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"grant\"} 0",
            "controller_runtime_reconcile_time_seconds_count{controller=\"grant\"} 1",
            "controller_runtime_active_workers{controller=\"grant\"} 0",
            "leader_election_master_status{name=\"curfew\"} 1",
            "curfew_expiry_lateness_seconds_bucket{le=\"0.01\"} 0",
            "curfew_expiry_lateness_seconds_bucket{le=\"60\"} 1",
            "curfew_removals_failed_total 1",
            "curfew_grants_active{policy=\"customer-support\"} 2",
            "curfew_grants_ended_total{policy=\"customer-support\",reason=\"Expired\"} 1",
            "curfew_policy_review_age_seconds{policy=\"customer-support\",what=\"Approvers\"} 86400",
            "curfew_duties_overdue{duty=\"CloseOut\",policy=\"customer-support\"} 1",
            "curfew_expired_not_removed 0",
            "curfew_guard_intact 0",
            "curfew_fuses_burn 0",
            "curfew_failed_calls_total{operation=\"create_binding\"} 1",
            "curfew_requests_refused_total{policy=\"\",reason=\"PolicyNotFound\"} 1",
            "curfew_tickets_unconfirmed_total{policy=\"customer-support\"} 1",
            "curfew_transitions_total{condition=\"Active\",kind=\"AccessGrant\",reason=\"Bound\"} 1",
            "curfew_request_to_decision_seconds_sum 60",
            "curfew_approval_to_access_seconds_count 1",
            "curfew_request_to_access_seconds_sum{lane=\"Emergency\"} 120",
            "curfew_emergencies_total{namespace=\"billing\",policy=\"incident-response\"} 1",
            "curfew_unapproved_total{flag=\"NotApproved\",policy=\"live-incident\"} 1",
            "curfew_clock_skew_seconds -0.5",
            "curfew_events_dropped_total 1",
            "curfew_notifications_sent_total 1",
            "curfew_notifications_dropped_total 1",
            "curfew_audit_events_read_total 7",
            "curfew_audit_events_dropped_total 1",
            "curfew_audit_delivers 0",
            concat!("curfew_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(served.lines().any(|line| line == name), "{name} is missing in\n{served}");
        }
        for one in metrics.reference() {
            assert!(served.contains(&format!("# HELP {} {}", one.name, one.help)), "{} has no value here", one.name);
            assert!(one.help.ends_with('.'), "{}: {}", one.name, one.help);
        }
    }
    #[test]
    fn the_first_of_any_transition_is_an_increase() {
        let served = text(&Metrics::new());
        for (condition, _, reason, _) in reasons::reference() {
            let series = format!("curfew_transitions_total{{condition=\"{condition}\",kind=");
            let zero = |l: &str| l.starts_with(&series) && l.ends_with(&format!("reason=\"{reason}\"}} 0"));
            assert!(served.lines().any(zero), "{condition}/{reason} belongs to no kind in KINDS");
        }
    }
    #[test]
    fn a_policy_without_grants_leaves_the_gauge() {
        let metrics = everything();
        metrics.active(&BTreeMap::new());
        assert!(!text(&metrics).contains("curfew_grants_active{"));
    }
    #[test]
    fn d14_a_policy_that_is_gone_leaves_no_age() {
        let metrics = everything();
        metrics.forget_reviews("customer-support");
        metrics.forget_reviews("never-seen");
        let served = text(&metrics);
        assert!(!served.contains("curfew_policy_review_age_seconds{") && !served.contains("curfew_duties_overdue{"));
    }
    #[test]
    fn a_pass_that_is_cut_off_is_not_counted_but_leaves_the_workers() {
        let metrics = Metrics::new();
        let pass = metrics.pass("request");
        assert!(text(&metrics).contains("controller_runtime_active_workers{controller=\"request\"} 1"));
        drop(pass);
        let after = text(&metrics);
        assert!(after.contains("controller_runtime_active_workers{controller=\"request\"} 0"));
        assert!(!after.contains("controller_runtime_reconcile_total{"));
    }
    #[test]
    fn two_operators_in_one_process_do_not_count_for_each_other() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.removal_failed();
        assert!(text(&other).contains("curfew_removals_failed_total 0"));
    }
    #[test]
    fn only_a_known_good_standing_counts_as_good() {
        let metrics = Metrics::new();
        metrics.standing(
            &Standing {
                lease_held: true,
                guard: Guard::Intact { epoch: "e1".into() },
                fuses: Fuses::Burn,
                audit: Audit::Absent,
            },
            "curfew",
        );
        assert!(text(&metrics).contains("curfew_guard_intact 1") && text(&metrics).contains("curfew_fuses_burn 1"));
        metrics.standing(&Standing::unknown(), "curfew");
        assert!(text(&metrics).contains("curfew_guard_intact 0") && text(&metrics).contains("curfew_fuses_burn 0"));
        assert!(text(&metrics).contains("leader_election_master_status{name=\"curfew\"} 0"));
    }
}

//! Whether the chart gives the operator, the sweep and the reports what they need, and nothing else.
//!
//! Judged by the API server's audit log, so it runs last, alone, on the control plane on which the live tests ran:
//! `curfew-testbed run --chart charts/curfew -- bash -c 'cargo test --workspace && cargo test --workspace --test rights'`.
#![allow(missing_docs, clippy::disallowed_methods, reason = "tests")]
mod audit;
mod reviews;
mod roles;
mod seldom;
mod snapshots;
mod sweep;

use curfew_testbed::bed::Bed;
use curfew_testbed::chart::{OPERATOR, REPORTER, REVIEWER, SWEEPER};
use futures::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};

#[tokio::test]
async fn the_chart_grants_what_is_used_and_nobody_is_refused() {
    let bed = Bed::new("rights").await;
    // A missing right fails these too: what it is should be said first.
    let done = [
        AssertUnwindSafe(seldom::what_no_shared_control_plane_can_show(&bed)).catch_unwind().await,
        AssertUnwindSafe(sweep::g8_a_sweep_ends_what_operator_and_kubernetes_did_not(&bed)).catch_unwind().await,
        AssertUnwindSafe(snapshots::i6_each_slot_is_used_and_an_auditor_reads_who_held_what(&bed)).catch_unwind().await,
        // After the snapshots: it looks at the same bindings.
        AssertUnwindSafe(reviews::i3_weekly_and_monthly_reports_are_made_by_an_account_of_their_own(&bed))
            .catch_unwind()
            .await,
    ];
    let mut wrong = vec![];
    for account in [OPERATOR, REPORTER, REVIEWER, SWEEPER] {
        let (log, granted) = (audit::of(&bed.connection, account), roles::of(&bed.admin, account).await);
        assert!(!granted.is_empty(), "the chart grants {account} nothing");
        wrong.extend(audit::refused(&log));
        wrong.extend(audit::unused(&granted, &log));
    }
    assert!(wrong.is_empty(), "{} wrong in the chart's RBAC:\n{}", wrong.len(), wrong.join("\n"));
    for step in done {
        step.unwrap_or_else(|panic| resume_unwind(panic));
    }
}

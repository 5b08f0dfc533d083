//! `curfew report weekly` and `monthly`, as the chart's CronJobs run them.
use curfew_testbed::bed::Bed;
use curfew_testbed::chart::{RELEASE, REVIEWER};
use tokio::process::Command;

pub async fn i3_weekly_and_monthly_reports_are_made_by_an_account_of_their_own(bed: &Bed) {
    let reviewer = bed.connection.service_account(RELEASE, REVIEWER).await.unwrap();
    for (kind, title) in [("weekly", "# Clean-up of the week"), ("monthly", "# What somebody has to look at")] {
        let mut report = Command::new(env!("CARGO_BIN_EXE_curfew"));
        report.args(["report", kind, "--output=markdown", "--kubeconfig"]).arg(&reviewer);
        let done = report.output().await.unwrap();
        assert!(done.status.success(), "{kind}: {}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(said.starts_with(title), "{said}");
    }
}

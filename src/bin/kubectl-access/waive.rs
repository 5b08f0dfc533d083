//! `waive`: a reviewer writes that a duty need not be met.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::owing;
use crate::settings::duties::Waive;
use curfew::api::duty::{Duty, Obligation, Waiver};
use curfew::api::grant::AccessGrant;
use curfew::decide::{duties, text};

/// Writes it.
pub async fn run(desk: &Desk, flags: &Waive) -> Result<String, Failure> {
    let me = desk.me().await?;
    let Some(why) = &flags.why else {
        return Err(Failure::Usage("say why it need not be met, with -m: it stays on record".into()));
    };
    let found = owing::records(desk, &flags.name).await?;
    let open: Vec<_> = found.iter().flat_map(|record| owed(record).map(move |of| (record, of))).collect();
    let meant = |of: &Obligation| flags.duty.is_none_or(|duty| of.duty == duty.into());
    let meant: Vec<_> = open.iter().filter(|(_, of)| meant(of)).collect();
    let (record, of) = match meant.as_slice() {
        [one] => **one,
        [] => {
            return Err(Failure::Denied(format!("nothing of that kind is owed for {}", text::line(&flags.name, 253))));
        }
        several => {
            let names =
                several.iter().map(|(record, of)| format!("{} --duty {}", owing::handle(record), owing::verb(of.duty)));
            return Err(Failure::Usage(format!("several are owed, name one: {}", text::few(names, 6))));
        }
    };
    duties::waiving(record, of.duty, owing::who(me)).map_err(Failure::Denied)?;
    let waiver = Waiver { by: me.username.clone().unwrap_or_default(), why: why.clone() };
    let stored = owing::waive(desk, record, of.duty, &waiver).await?;
    owing::answered(desk, stored, of.duty, "waived")
}

/// What is owed for a record and not done.
fn owed(record: &AccessGrant) -> impl Iterator<Item = &Obligation> {
    let open: Vec<Duty> = record
        .status
        .iter()
        .flat_map(|status| &status.owed)
        .filter(|owed| duties::is_open(owed))
        .map(|owed| owed.duty)
        .collect();
    let all = record.spec.duties.iter().flat_map(|duties| &duties.owes);
    all.filter(move |of| open.contains(&of.duty))
}

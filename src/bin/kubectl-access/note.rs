//! `note`: what is going on, while the access holds.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::owing;
use crate::settings::duties::Note;
use curfew::api::duty::Duty;
use serde_json::json;

/// Writes it.
pub async fn run(desk: &Desk, flags: &Note) -> Result<String, Failure> {
    let (record, of) = owing::to_meet(desk, flags.name.as_deref(), Duty::Note).await?;
    let said = match &flags.text {
        Some(said) => said.clone(),
        None if desk.terminal.asks => desk.ask("What do you see and do? Short facts, no customer data")?,
        None => return Err(Failure::Usage("say what you see and do, with -m".into())),
    };
    let written = json!({"note": {"by": desk.name().await?, "text": said}});
    let stored = owing::write(desk, &record, &of, &written).await?;
    owing::answered(desk, stored, Duty::Note, "written")
}

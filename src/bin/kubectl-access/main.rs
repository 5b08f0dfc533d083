//! `kubectl access`: what people do with Curfew, with nothing but their own rights. All of it can be done with plain `kubectl`.
//!
//! `main` parses, connects and prints; each verb has a file of its own and returns what goes to standard output. What is
//! said beside it goes to standard error, by [`desk::Desk::say`].
mod ask;
mod clock;
mod close;
mod closeout;
mod completion;
mod deciding;
mod desk;
mod dossier;
mod duties;
mod exec;
mod explain;
mod failure;
mod fits;
mod input;
mod lint;
mod list;
mod note;
mod output;
mod owing;
mod policies;
mod preview;
mod renew;
mod report;
mod request;
mod review;
mod seat;
mod settings;
mod show;
mod status;
mod verify;
mod wait;
mod waiting;
mod waive;
mod when;
mod who;
mod wizard;

use clap::Parser;
use curfew::api::request::Decision;
use desk::Desk;
use failure::Failure;
use settings::{Settings, Verb};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything connects: kube and hyper use the process's provider.
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings = Settings::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(settings)),
        Err(error) => Err(Failure::Error(error.to_string())),
    };
    match done {
        Ok(text) => printed(&text),
        Err(failure) => {
            match &failure {
                Failure::Exited(_) => {}
                Failure::Found(data) => drop(printed(data)),
                failure => eprintln!("error: {failure}"),
            }
            failure.code()
        }
    }
}

async fn run(settings: Settings) -> Result<String, Failure> {
    let Settings { verb, common } = settings.heeded()?;
    let desk = async || Desk::open(&common).await;
    match verb {
        Verb::Request(flags) => request::run(&desk().await?, &flags).await,
        Verb::Renew(flags) => renew::run(&desk().await?, &flags).await,
        Verb::Run(flags) => exec::run(&desk().await?, &flags).await,
        Verb::Explain(flags) => explain::run(&desk().await?, &flags).await,
        Verb::Policies(flags) => policies::run(&desk().await?, &flags).await,
        Verb::Status(flags) => status::run(&desk().await?, &flags).await,
        Verb::Close(flags) => close::run(&desk().await?, &flags).await,
        Verb::List(flags) => list::run(&desk().await?, &flags).await,
        Verb::Waiting => waiting::run(&desk().await?).await,
        Verb::Show(flags) => show::run(&desk().await?, &flags).await,
        Verb::Approve(flags) => deciding::run(&desk().await?, &flags.decision, Decision::Approve, flags.shorten).await,
        Verb::Deny(flags) => deciding::run(&desk().await?, &flags, Decision::Deny, None).await,
        Verb::Who(flags) => who::run(&desk().await?, &flags).await,
        Verb::Report(flags) => report::run(&desk().await?, &flags).await,
        Verb::Lint(flags) => lint::run(&common, &flags).await,
        Verb::Verify(flags) => verify::run(&common, &flags).await,
        Verb::Completion(flags) => completion::script(flags.of),
        Verb::Complete(typed) => Ok(completion::complete(&typed.words).await),
        Verb::Man => completion::manual(),
        Verb::SendBack(flags) => deciding::run(&desk().await?, &flags, Decision::RequestDetail, None).await,
        Verb::Duties(flags) => duties::run(&desk().await?, &flags).await,
        Verb::Closeout(flags) => closeout::run(&desk().await?, &flags).await,
        Verb::Evidence(flags) => closeout::evidence(&desk().await?, &flags).await,
        Verb::Review(flags) => review::run(&desk().await?, &flags).await,
        Verb::Waive(flags) => waive::run(&desk().await?, &flags).await,
        Verb::Note(flags) => note::run(&desk().await?, &flags).await,
    }
}

/// A reader that has seen enough, such as `head`, is no failure.
fn printed(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

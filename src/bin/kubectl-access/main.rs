//! `kubectl access`: what people do with Curfew, with nothing but their own rights. All of it can be done with plain `kubectl`.
//!
//! `main` parses, connects and prints; each verb has a file of its own and returns what goes to standard output. What is
//! said beside it goes to standard error, by [`desk::Desk::say`].
mod ask;
mod clock;
mod close;
mod deciding;
mod desk;
mod exec;
mod explain;
mod failure;
mod fits;
mod list;
mod output;
mod policies;
mod preview;
mod renew;
mod request;
mod seat;
mod settings;
mod show;
mod status;
mod wait;
mod waiting;
mod when;
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
            if !matches!(failure, Failure::Exited(_)) {
                eprintln!("error: {failure}");
            }
            failure.code()
        }
    }
}

async fn run(settings: Settings) -> Result<String, Failure> {
    let Settings { verb, common } = settings;
    let desk = Desk::open(&common).await?;
    match verb {
        Verb::Request(flags) => request::run(&desk, &flags).await,
        Verb::Renew(flags) => renew::run(&desk, &flags).await,
        Verb::Run(flags) => exec::run(&desk, &flags).await,
        Verb::Explain(flags) => explain::run(&desk, &flags).await,
        Verb::Policies(flags) => policies::run(&desk, &flags).await,
        Verb::Status(flags) => status::run(&desk, &flags).await,
        Verb::Close(flags) => close::run(&desk, &flags).await,
        Verb::List(flags) => list::run(&desk, &flags).await,
        Verb::Waiting => waiting::run(&desk).await,
        Verb::Show(flags) => show::run(&desk, &flags).await,
        Verb::Approve(flags) => deciding::run(&desk, &flags.decision, Decision::Approve, flags.shorten).await,
        Verb::Deny(flags) => deciding::run(&desk, &flags, Decision::Deny, None).await,
        Verb::SendBack(flags) => deciding::run(&desk, &flags, Decision::RequestDetail, None).await,
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

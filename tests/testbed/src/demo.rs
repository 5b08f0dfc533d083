//! The main job on a real control plane, as people at a terminal see it: every command is real and so is its output.
//!
//! Each step says what it must show, and the demo ends with an error where it does not.

mod acts;
mod example;
mod page;
mod record;
mod shell;
mod stage;

use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::control_plane::Options;
use page::Page;
pub use stage::Stage;

/// Plays all of it, and returns the stage as it is at the end: everything is gone when that is dropped.
pub async fn play(options: &Options) -> Result<Stage> {
    let (page, start) = (Page::new(), Instant::now());
    page.title(&format!("Curfew on Kubernetes {}", options.kubernetes))?;
    page.say(
        "Temporary access that ends on time. Every command below is run as shown, and its output is what it printed.",
    )?;
    page.more("First etcd, kube-apiserver and kube-controller-manager start, on free ports of this machine.")?;
    let mut stage = Stage::set(options, page).await?;
    if let Err(error) = acts::all(&mut stage).await {
        let error = match stage.operator_runs_or_was_killed() {
            Ok(()) => error,
            Err(why) => anyhow!("{error:#}\n{why:#}"),
        };
        stage.keep_logs();
        return Err(error);
    }
    page.end(&format!("Every command did what it must, in {} s.", start.elapsed().as_secs()))?;
    Ok(stage)
}

/// Says how to play with what is left running.
pub fn explain(stage: &Stage) -> Result<()> {
    stage.explain()
}

//! The plugin, as people run it: from what is typed to what it answers, and how many calls of the API that takes.
//!
//! The release binary runs as erin, who asks, and as bob, who agrees; the calls are those that the API server's audit log has of
//! them by this program. A watch, and each look while somebody waits for an end, count as calls.
use crate::seen::What;
use crate::site::{Site, namespace};
use crate::table::Times;
use curfew_testbed::bed::until;
use curfew_testbed::chart::USERS;
use curfew_testbed::trail::Trail;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// How many lives.
const COUNT: usize = 10;
/// How often the program is started for nothing.
const STARTS: usize = 40;
const REASON: &str = "Check why invoice totals changed for customer account 4812.";
const WHY: &str = "Narrow, and tied to a case that I know.";

/// How long each verb took, and how many calls one took at most.
pub struct Plugin {
    /// From the start to the end of a run that asks nobody.
    pub start: Times,
    /// Verb by verb.
    pub verbs: Vec<Verb>,
}
/// One verb.
pub struct Verb {
    pub name: String,
    pub times: Times,
    pub calls: usize,
}

/// Measures lives, one after the other.
pub async fn measure(site: &Site) -> Plugin {
    let mut start = vec![];
    for _ in 0..STARTS {
        let begun = Instant::now();
        let ran = Command::new(env!("CARGO_BIN_EXE_kubectl-access")).arg("--version").output().await.unwrap();
        assert!(ran.status.success());
        start.push(begun.elapsed());
    }
    let mut typist = Typist::new(site);
    for n in 0..COUNT {
        life(site, &mut typist, n).await;
    }
    let verb = |(name, (times, calls)): (&str, (Vec<Duration>, usize))| Verb {
        name: name.to_owned(),
        times: times.into_iter().collect(),
        calls,
    };
    Plugin { start: start.into_iter().collect(), verbs: typist.took.into_iter().map(verb).collect() }
}

async fn life(site: &Site, typist: &mut Typist, n: usize) {
    let (place, ticket) = (namespace(n), format!("SUP-9{n:03}"));
    let name = ticket.to_lowercase();
    let mut asks = async |args: &[&str]| typist.types(Who::Erin, &place, args).await;
    for verb in ["policies", "explain bench", "status", "list", "waiting", "duties"] {
        asks(&verb.split(' ').collect::<Vec<_>>()).await;
    }
    asks(&["request", "-t", &ticket, "-r", REASON]).await;
    site.seen.when(What::Waiting, &name).await;
    typist.types(Who::Bob, &place, &["show", &name]).await;
    typist.types(Who::Bob, &place, &["approve", &name, "-m", WHY]).await;
    site.seen.when(What::BindingMade, &name).await;
    typist.types(Who::Erin, &place, &["close", &name]).await;
    site.seen.when(What::Ended, &name).await;
    let (cause, summary) = ("The export rounds each line.", "Totals differ by a rounding in the export job.");
    let says = ["closeout", &name, "--summary", summary, "--cause", cause, "--follow-ups", "none", "--done"];
    // Owed is what the operator has written that it is, a moment after the end.
    typist.waits_until_owed(&place, &name).await;
    typist.types(Who::Erin, &place, &says).await;
    typist.types(Who::Bob, &place, &["show", "--ticket", &ticket]).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Erin,
    Bob,
}

/// Types, and counts.
struct Typist {
    erin: PathBuf,
    bob: PathBuf,
    trail: Trail,
    took: BTreeMap<&'static str, (Vec<Duration>, usize)>,
}
impl Typist {
    fn new(site: &Site) -> Self {
        let (erin, bob) = (site.kubeconfig_of("erin", &["engineers", USERS]), site.kubeconfig_of("bob", &[USERS]));
        Self { erin, bob, trail: site.trail(), took: BTreeMap::new() }
    }
    async fn types(&mut self, who: Who, place: &str, args: &[&str]) {
        let before = self.calls();
        let begun = Instant::now();
        let ran = self.run(who, place, args).await;
        let took = begun.elapsed();
        assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        // The log is written behind the answer.
        until("the calls are in the log", || async {
            let now = self.calls();
            tokio::time::sleep(Duration::from_millis(100)).await;
            (now > before && now == self.calls()).then_some(())
        })
        .await;
        let calls = self.calls() - before;
        let (times, most) = self.took.entry(verb_of(args)).or_default();
        times.push(took);
        *most = calls.max(*most);
    }
    async fn waits_until_owed(&self, place: &str, name: &str) {
        until("the close-out is owed", || async {
            let ran = self.run(Who::Erin, place, &["duties"]).await;
            let said = String::from_utf8_lossy(&ran.stdout).into_owned();
            (said.contains(name) && !said.contains("once it has ended")).then_some(())
        })
        .await;
    }
    async fn run(&self, who: Who, place: &str, args: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-access"));
        command.args(args).args(["-n", place]).stdin(std::process::Stdio::null());
        command.env("KUBECONFIG", if who == Who::Erin { &self.erin } else { &self.bob }).output().await.unwrap()
    }
    /// All calls of this program so far.
    fn calls(&self) -> usize {
        let events = self.trail.events("\"userAgent\":\"kubectl-access/");
        // A watch is there twice: when it begins, and when it ends.
        let ids = events.iter().map(|event| event["auditID"].as_str().unwrap_or_default());
        ids.collect::<BTreeSet<_>>().len()
    }
}

fn verb_of(args: &[&str]) -> &'static str {
    const ALL: &[&str] =
        &["policies", "explain", "status", "list", "waiting", "duties", "request", "approve", "close", "closeout"];
    match args {
        ["show", "--ticket", ..] => "show --ticket, of one record",
        ["show", ..] => "show, of a request",
        [verb, ..] => ALL.iter().find(|known| *known == verb).copied().unwrap_or("another"),
        [] => "nothing",
    }
}

//! `verify`: whether records are what they were, by their digests and by an earlier export. Without a cluster too.
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::settings::{Common, look::Verify};
use crate::{clock, input};
use chrono::TimeDelta;
use curfew::cluster::people::Which;
use curfew::decide::Now;
use curfew::decide::text;
use curfew::decide::verify::{self, Export, Inspection, Verdict};
use serde_json::{Value, json};

/// Verifies them.
pub async fn run(common: &Common, flags: &Verify) -> Result<String, Failure> {
    let wanted = Wanted { names: &flags.names, namespace: common.namespace.as_deref() };
    let export = flags.against.as_deref().map(read).transpose()?;
    let export = export.map(|objects| Export::of(objects).only(|record| wanted.has(record)));
    let mut inspection = Inspection::against(export);
    match &flags.file {
        Some(file) => read(file)?.iter().filter(|record| wanted.has(record)).for_each(|of| inspection.judge(of)),
        None => from_cluster(&Desk::open(common).await?, &wanted, &mut inspection).await?,
    }
    let verdicts = inspection.verdicts(Now { wall: clock::now(), server_ahead: TimeDelta::zero() });
    if let Some(name) = flags.names.iter().find(|name| !verdicts.iter().any(|verdict| verdict.record == **name)) {
        return Err(Failure::Error(format!("there is no record `{}`", text::line(name, 253))));
    }
    let data = shown(&common.output, &verdicts)?;
    match verify::is_fine(&verdicts) {
        true => Ok(data),
        false => Err(Failure::Found(data)),
    }
}

/// Which records are meant; none named: all.
struct Wanted<'a> {
    names: &'a [String],
    namespace: Option<&'a str>,
}
impl Wanted<'_> {
    fn has(&self, record: &Value) -> bool {
        let name = record["metadata"]["name"].as_str().unwrap_or_default();
        (self.names.is_empty() || self.names.iter().any(|wanted| wanted == name))
            && self.namespace.is_none_or(|namespace| record["spec"]["namespace"] == namespace)
    }
}

async fn from_cluster(desk: &Desk, wanted: &Wanted<'_>, inspection: &mut Inspection) -> Result<(), Failure> {
    let all = match wanted.names {
        [] => vec![desk.everywhere()],
        names => names.iter().map(|name| desk.everywhere().with("metadata.name", name)).collect::<Vec<Which>>(),
    };
    for which in all {
        let mut next = None;
        loop {
            let (page, more) = desk.cluster.records_as_written(&which, next).await?;
            page.iter().for_each(|record| inspection.judge(record));
            next = more;
            if next.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn read(file: &str) -> Result<Vec<Value>, Failure> {
    verify::read(&input::read(file)?).map_err(|words| Failure::Error(text::line(&format!("{file}: {words}"), 1024)))
}

fn shown(format: &Format, verdicts: &[Verdict]) -> Result<String, Failure> {
    match format {
        Format::Table | Format::Wide => Ok(verify::table(verdicts)),
        Format::Name => {
            let wrong = verdicts.iter().filter(|verdict| !verdict.found.is_empty());
            Ok(wrong.map(|of| format!("accessgrant.curfew.dev/{}\n", text::line(&of.record, 253))).collect())
        }
        Format::Json | Format::Yaml | Format::Jsonpath(_) | Format::Page(_) => {
            output::value(format, &json!({"records": verdicts}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Verb};
    use clap::Parser;

    fn record(name: &str, namespace: &str) -> Value {
        json!({"kind": "AccessGrant", "metadata": {"name": name, "uid": name},
            "spec": {"user": "mal\u{1b}[2Jlory", "ticket": "SUP-4812", "namespace": namespace}})
    }
    /// A file of this test's own with these records.
    fn file(name: &str, records: &[Value]) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("plugin-verify-{name}.jsonl"));
        std::fs::write(&path, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    }
    async fn said(flags: &[&str]) -> Result<String, Failure> {
        let all = ["kubectl-access", "verify", "--kubeconfig", "/nonexistent"].iter().chain(flags).copied();
        match Settings::parse_from(all) {
            Settings { verb: Verb::Verify(verify), common } => run(&common, &verify).await,
            _ => unreachable!("it says verify"),
        }
    }

    #[tokio::test]
    async fn j13_a_file_is_verified_without_a_cluster_and_against_an_export_what_is_gone_is_named() {
        let all = file("all", &[record("a", "billing"), record("b", "orders"), json!({"kind": "Pod"})]);
        let one = file("one", &[record("a", "billing")]);
        let fine = said(&["--file", &all]).await.unwrap();
        assert!(fine.ends_with("2 records: 2 fine, 0 not\n") && !fine.contains('\u{1b}'), "{fine}");
        let Err(Failure::Found(table)) = said(&["--file", &one, "--against", &all]).await else { panic!("b is gone") };
        assert!(table.lines().any(|line| line.starts_with("b ") && line.contains("Missing: ")), "{table}");
        let Err(Failure::Found(names)) = said(&["--file", &one, "--against", &all, "-o", "name"]).await else {
            panic!("b is gone")
        };
        assert_eq!(names, "accessgrant.curfew.dev/b\n");
        let mut broken = record("a", "billing");
        broken["status"] = json!({"startedAt": "2026-12-01T09:00:00Z"});
        let broken = file("broken", &[broken]);
        let Err(Failure::Found(json)) = said(&["--file", &broken, "-o", "json"]).await else { panic!("it is broken") };
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["records"][0]["found"][0]["fault"], "Contradicts");
    }
    #[tokio::test]
    async fn only_what_is_named_is_judged_and_what_is_not_there_is_no_good_news() {
        let all = file("named", &[record("a", "billing"), record("b", "orders")]);
        let one = file("named-one", &[record("a", "billing")]);
        let against = ["--file", &one, "--against", &all];
        assert!(said(&[&against[..], &["a"]].concat()).await.unwrap().contains("1 records: 1 fine"));
        assert!(said(&[&against[..], &["-n", "billing"]].concat()).await.is_ok(), "b is elsewhere");
        assert!(matches!(said(&[&against[..], &["b"]].concat()).await, Err(Failure::Found(_))));
        let none = said(&["--file", &all, "c"]).await;
        assert!(matches!(&none, Err(Failure::Error(words)) if words == "there is no record `c`"), "{none:?}");
        let asked = said(&[]).await;
        assert!(matches!(&asked, Err(Failure::Error(words)) if words.contains("kubeconfig")), "{asked:?}");
    }
}

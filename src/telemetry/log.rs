//! One line per write and per transition, on standard error: standard output is for what a command prints.
use clap::ValueEnum;
use std::io::Write;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object per line, its fields at the top.
    Json,
    /// For people.
    Text,
}

/// Starts the log of this process: `filter` is a level, or levels by module (`info,kube=warn`).
///
/// # Errors
/// When a log was started before.
pub fn start(format: Format, filter: &str) -> Result<(), TryInitError> {
    subscriber(format, filter, std::io::stderr).try_init()
}

/// A filter that says what it seems to say: a level for everything, and levels for modules.
///
/// # Errors
/// In words for who wrote it. A mistyped level would else be the name of a module, and silence all others.
pub fn check(filter: &str) -> Result<String, String> {
    let is_level = |part: &str| part.parse::<LevelFilter>().is_ok() && !part.is_empty();
    let mut parts = filter.split(',');
    let good = parts.next().is_some_and(is_level)
        && parts.all(|part| part.rsplit_once('=').is_some_and(|(_, level)| is_level(level)));
    match EnvFilter::try_new(filter) {
        Ok(_) if good => Ok(filter.to_owned()),
        _ => Err("must be off, error, warn, info, debug or trace, and may go on by module: info,kube=warn".into()),
    }
}

fn subscriber<W>(format: Format, filter: &str, writer: W) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a, Writer: Write> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    match format {
        Format::Json => {
            Box::new(lines.json().flatten_event(true).with_current_span(false).with_span_list(false).finish())
        }
        Format::Text => Box::new(lines.finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    fn logged(format: Format, filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(format, filter, move || writer.clone()), || {
            tracing::info!(kind = "AccessGrant", name = "billing.sup-4812.7f3a2c1b", "bound");
            tracing::debug!("detail");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let text = logged(Format::Json, "info");
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"bound".into()));
        assert_eq!((&line["kind"], &line["name"]), (&"AccessGrant".into(), &"billing.sup-4812.7f3a2c1b".into()));
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    #[test]
    fn text_is_for_people_and_has_no_colours() {
        let text = logged(Format::Text, "debug");
        assert!(text.contains("bound kind=\"AccessGrant\"") && text.contains("detail"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    #[test]
    fn a_bad_filter_is_named() {
        for (filter, good) in [
            ("info", true),
            ("info,kube=warn,curfew::cluster=trace", true),
            ("off", true),
            ("", false),
            (" ", false),
            ("loud", false),
            ("kube=warn", false),
            ("info,kube=loud", false),
            ("info,kube", false),
        ] {
            assert_eq!(check(filter).is_ok(), good, "{filter:?}");
        }
    }
}

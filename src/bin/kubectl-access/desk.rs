//! Where a verb works: the cluster as its user, who that is, the time, and somebody to talk to.
use crate::clock;
use crate::failure::Failure;
use crate::output::{Format, Paint};
use crate::settings::{Common, Terminal};
use crate::when::{When, Zone};
use curfew::cluster::people::Which;
use curfew::cluster::{Cluster, connect};
use curfew::decide::text;
use k8s_openapi::api::authentication::v1::UserInfo;
use tokio::sync::OnceCell;

/// By what the API server's audit log tells this program.
const USER_AGENT: &str = concat!("kubectl-access/", env!("CARGO_PKG_VERSION"));

/// What a verb works with.
#[derive(Clone)]
pub struct Desk {
    /// Acts as the user.
    pub cluster: Cluster,
    /// The namespace: `--namespace`, else that of the context.
    pub namespace: String,
    /// Whether it was named, so that it narrows what would be told of all.
    pub is_named: bool,
    /// Whether all namespaces are meant.
    pub all: bool,
    /// How the answer looks.
    pub format: Format,
    /// Only objects with these labels.
    pub selector: Option<String>,
    /// What the streams are.
    pub terminal: Terminal,
    zone: Zone,
    me: OnceCell<UserInfo>,
}
impl Desk {
    /// Connects. Nothing is sent yet.
    pub async fn open(common: &Common) -> Result<Self, Failure> {
        let config = connect::of_person(&common.way(), USER_AGENT).await?;
        let deadline = common.request_timeout.delta().to_std().unwrap_or(curfew::cluster::DEADLINE);
        let namespace = common.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Self {
            cluster: Cluster::new(connect::client(config)?).with_deadline(deadline),
            namespace,
            is_named: common.namespace.is_some(),
            all: common.all_namespaces,
            format: common.output.clone(),
            selector: common.selector.clone(),
            terminal: Terminal::found(),
            zone: Zone::Local,
            me: OnceCell::new(),
        })
    }

    /// The same in another namespace.
    pub fn within(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), is_named: true, all: false, ..self.clone() }
    }

    /// Who the user is, asked once.
    pub async fn me(&self) -> Result<&UserInfo, Failure> {
        Ok(self.me.get_or_try_init(|| self.cluster.whoami()).await?)
    }
    /// Their user name.
    pub async fn name(&self) -> Result<String, Failure> {
        Ok(self.me().await?.username.clone().unwrap_or_default())
    }
    /// Now, by the user's clock.
    pub fn when(&self) -> When {
        When { now: clock::now(), zone: self.zone }
    }
    /// The namespace of `--namespace` or the context, or all of them.
    pub fn here(&self) -> Which {
        self.labelled((!self.all).then(|| self.namespace.clone()))
    }
    /// All namespaces, unless one was named: for what belongs to a person and not to a place.
    pub fn everywhere(&self) -> Which {
        self.labelled(self.is_named.then(|| self.namespace.clone()))
    }
    fn labelled(&self, namespace: Option<String>) -> Which {
        Which { labels: self.selector.clone(), ..Which::within(namespace) }
    }

    /// Says something beside the data.
    pub fn say(&self, words: &str) {
        eprintln!("{words}");
    }
    /// Asks for a line, where there is somebody to ask.
    pub fn ask(&self, question: &str) -> Result<String, Failure> {
        let unasked = || Failure::Usage("nobody answers: nothing was sent".into());
        if !self.terminal.asks {
            return Err(unasked());
        }
        eprint!("{question} > ");
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(1..) => Ok(answer.trim().to_owned()),
            _ => Err(unasked()),
        }
    }
    /// Says what somebody else wrote, as one line.
    pub fn quote(&self, words: &str) {
        self.say(&text::line(words, 512));
    }
    /// Colours of talk.
    pub fn paint(&self) -> Paint {
        Paint(self.terminal.colours)
    }
}

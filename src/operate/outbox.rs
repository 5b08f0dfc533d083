//! Tells a receiver outside the cluster what became true: best effort, in order, and never in the way of anything.
//!
//! Whoever has news hands it over and goes on. A receiver that is slow or dead costs only what is told: the queue is
//! bounded, what does not fit into it is dropped and counted, and each notice is given up after a few tries.
use crate::cluster::post::{Posted, Receiver};
use crate::decide::notice::Notice;
use crate::telemetry::Metrics;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How many notices may wait to be sent.
const QUEUE: usize = 1000;
/// The waits between the tries of one notice.
const WAITS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];
/// How many notices in a row are given up before the next ones have one try each, until one is taken.
const DEAD: usize = 3;

/// Takes notices: a handle, cheap to clone. Without a receiver it takes nothing.
#[derive(Clone)]
pub struct Outbox {
    queue: Option<mpsc::Sender<Notice>>,
    metrics: Metrics,
}
impl Outbox {
    /// An outbox, and the future that sends what is in it; that ends when all handles are gone and everything was tried.
    pub fn new(receiver: Option<Receiver>, metrics: Metrics) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let outbox = Self { queue: receiver.is_some().then_some(queue), metrics: metrics.clone() };
        let sender = async move {
            if let Some(receiver) = receiver {
                send(&receiver, &metrics, waiting, &WAITS).await;
            }
        };
        (outbox, sender)
    }
    /// Hands over what there is to tell, which is made only where somebody is told. Returns at once, whatever the receiver does.
    pub fn tell(&self, notices: impl FnOnce() -> Vec<Notice>) {
        let Some(queue) = &self.queue else { return };
        for notice in notices() {
            if queue.try_send(notice).is_err() {
                self.metrics.notice_dropped();
            }
        }
    }
}

async fn send(receiver: &Receiver, metrics: &Metrics, mut waiting: mpsc::Receiver<Notice>, waits: &[Duration]) {
    let mut given_up = 0;
    while let Some(notice) = waiting.recv().await {
        let waits = if given_up < DEAD { waits } else { &[] };
        match deliver(receiver, &notice, waits).await {
            Ok(()) => {
                metrics.notice_sent();
                given_up = 0;
            }
            Err(why) => {
                metrics.notice_dropped();
                given_up += 1;
                // Never the notice itself: it says what people wrote.
                tracing::warn!(id = notice.id, "a notification was not delivered: {why}");
            }
        }
    }
}

async fn deliver(receiver: &Receiver, notice: &Notice, waits: &[Duration]) -> Result<(), String> {
    let mut waits = waits.iter();
    loop {
        match receiver.post(&notice.body).await {
            Posted::Taken => return Ok(()),
            Posted::Never(why) => return Err(why),
            Posted::Later(why) => match waits.next() {
                Some(wait) => sleep(*wait).await,
                None => return Err(why),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Notify;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const SOON: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(20)];

    fn notice(id: &str) -> Notice {
        Notice { id: id.into(), body: format!("{{\"id\":\"{id}\"}}") }
    }
    fn to(address: impl std::fmt::Display) -> Notify {
        Notify { url: format!("http://{address}/hook?team=a").parse().unwrap(), token: None, ca: None }
    }
    fn receiver(to: &Notify) -> Receiver {
        drop(rustls::crypto::ring::default_provider().install_default());
        Receiver::new(to).unwrap().with_deadline(Duration::from_millis(300))
    }
    type Heard = Arc<Mutex<Vec<String>>>;
    /// A real receiver that answers so, one answer after the other, the last one for ever; `0`: nothing at all.
    async fn hears(answers: &'static [u16]) -> (std::net::SocketAddr, Heard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Heard::default());
        let all = heard.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let all = all.clone();
                tokio::spawn(async move {
                    let mut read = vec![];
                    let mut part = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut part).await {
                        read.extend_from_slice(&part[..count]);
                        if !read.ends_with(b"}") {
                            continue;
                        }
                        let count = {
                            let mut all = all.lock().unwrap();
                            all.push(String::from_utf8(std::mem::take(&mut read)).unwrap());
                            all.len()
                        };
                        match answers.get(count - 1).or(answers.last()).copied().unwrap_or_default() {
                            0 => std::future::pending().await,
                            code => {
                                let answer = format!("HTTP/1.1 {code} x\r\ncontent-length: 0\r\n\r\n");
                                stream.write_all(answer.as_bytes()).await.unwrap();
                            }
                        }
                    }
                });
            }
        });
        (address, heard)
    }
    /// What came of these notices: sent, dropped.
    async fn all(receiver: Receiver, ids: &[&str]) -> (u64, u64) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        for id in ids {
            queue.try_send(notice(id)).unwrap();
        }
        drop(queue);
        let metrics = Metrics::new();
        send(&receiver, &metrics, waiting, &SOON).await;
        counted(&metrics)
    }
    fn counted(metrics: &Metrics) -> (u64, u64) {
        let text = String::from_utf8(metrics.text()).unwrap();
        let of = |name: &str| {
            let line =
                text.lines().find(|line| line.starts_with(&format!("curfew_notifications_{name}_total "))).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        (of("sent"), of("dropped"))
    }

    #[tokio::test]
    async fn k5_a_receiver_hears_each_notice_once_in_order_with_its_token() {
        let (address, heard) = hears(&[202]).await;
        let file = std::env::temp_dir().join(format!("curfew-token-{}", std::process::id()));
        std::fs::write(&file, "s3cret\n").unwrap();
        let to = Notify { token: Some(file.clone()), ..to(address) };
        assert_eq!(all(receiver(&to), &["a", "b"]).await, (2, 0));
        std::fs::remove_file(file).unwrap();
        let heard = heard.lock().unwrap().clone();
        assert_eq!(heard.len(), 2);
        assert!(
            heard[0].starts_with("POST /hook?team=a HTTP/1.1\r\n") && heard[0].ends_with("\r\n\r\n{\"id\":\"a\"}"),
            "{heard:?}"
        );
        assert!(heard[1].ends_with("{\"id\":\"b\"}"));
        for line in ["authorization: Bearer s3cret", "content-type: application/cloudevents+json"] {
            assert!(heard[0].to_lowercase().contains(&line.to_lowercase()), "{line}: {heard:?}");
        }
    }
    #[tokio::test]
    async fn k5_what_was_not_taken_is_tried_again_and_what_is_not_wanted_is_not() {
        let (address, heard) = hears(&[503, 429, 200]).await;
        assert_eq!(all(receiver(&to(address)), &["a"]).await, (1, 0));
        assert_eq!(heard.lock().unwrap().len(), 3);
        let (address, heard) = hears(&[400, 200]).await;
        assert_eq!(all(receiver(&to(address)), &["a", "b"]).await, (1, 1));
        assert_eq!(heard.lock().unwrap().len(), 2, "the next one is still told");
        let (address, heard) = hears(&[500]).await;
        assert_eq!(all(receiver(&to(address)), &["a"]).await, (0, 1), "not for ever");
        assert_eq!(heard.lock().unwrap().len(), 1 + SOON.len());
    }
    #[tokio::test]
    async fn k5_a_receiver_that_has_long_been_dead_has_one_try_for_each_notice_and_is_heard_again() {
        // Three are given up after three tries each, then there is one try each until one is taken.
        let (address, heard) = hears(&[500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 200, 500, 200]).await;
        assert_eq!(all(receiver(&to(address)), &["a", "b", "c", "d", "e", "f"]).await, (2, 4));
        assert_eq!(heard.lock().unwrap().len(), 13);
    }
    #[tokio::test]
    async fn k5_neither_a_dead_receiver_nor_a_silent_one_holds_anybody_up_and_what_is_lost_is_counted() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (silent, _heard) = hears(&[0]).await;
        for address in [nobody, silent] {
            assert_eq!(all(receiver(&to(address)), &["a", "b"]).await, (0, 2), "{address}");
            let metrics = Metrics::new();
            let (outbox, sender) = Outbox::new(Some(receiver(&to(address))), metrics.clone());
            let sender = tokio::spawn(sender);
            let began = Instant::now();
            outbox.tell(|| (0..QUEUE + 200).map(|id| notice(&id.to_string())).collect());
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            let (sent, dropped) = counted(&metrics);
            assert!(sent == 0 && dropped >= 199, "{dropped}");
            sender.abort();
        }
    }
    #[tokio::test]
    async fn without_a_receiver_nothing_is_made() {
        let (outbox, sender) = Outbox::new(None, Metrics::new());
        outbox.tell(|| panic!("nobody is told"));
        sender.await;
    }
}

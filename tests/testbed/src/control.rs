//! Orders to the process that holds a control plane, through a socket in its directory.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Mutex,
};

use crate::control_plane::ControlPlane;

const SOCKET: &str = "control.sock";

/// What a test may ask of the process that holds the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Kill kube-controller-manager.
    StopControllerManager,
    /// Start kube-controller-manager, if it does not run, and wait until each controller works.
    StartControllerManager,
    /// Kill the API server and start it again on the same port.
    RestartApiServer,
}

/// Carries out an order and returns when it is done.
pub async fn send(directory: &Path, order: Order) -> Result<()> {
    let socket = directory.join(SOCKET);
    let mut stream =
        UnixStream::connect(&socket).await.with_context(|| format!("nobody takes orders at {}", socket.display()))?;
    stream.write_all(format!("{}\n", serde_json::to_string(&order)?).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.as_str() {
        "done" => Ok(()),
        why => bail!("{order:?}: {why}"),
    }
}

/// Takes orders, one at a time, until the future is dropped.
pub async fn serve(control_plane: Arc<Mutex<ControlPlane>>) -> Result<()> {
    let directory = control_plane.lock().await.connection().directory().to_path_buf();
    let listener = UnixListener::bind(directory.join(SOCKET))?;
    loop {
        let (stream, _) = listener.accept().await?;
        if let Err(error) = answer(stream, &control_plane).await {
            eprintln!("an order was not understood: {error:#}");
        }
    }
}

async fn answer(mut stream: UnixStream, control_plane: &Mutex<ControlPlane>) -> Result<()> {
    let mut line = String::new();
    BufReader::new(&mut stream).read_line(&mut line).await?;
    let order = serde_json::from_str(&line)?;
    let outcome = control_plane.lock().await.carry_out(order).await;
    let answer = outcome.map_or_else(|error| format!("{error:#}"), |()| "done".to_owned());
    Ok(stream.write_all(answer.as_bytes()).await?)
}

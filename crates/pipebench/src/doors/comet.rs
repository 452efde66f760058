//! CometWire's two doors, and those of the bare server that stands for the limit: INSERTs over
//! MySQL wire in, the comet protocol out.

use std::net::{SocketAddr, TcpStream};

use rand::Rng;

use crate::doors::{
    BackendSocket, Dialogue, Door, Echo, Form, Hearing, Round, Statement, Upgrade, connect_backends,
};
use crate::error::Error;
use crate::mysql::{self, Answer};
use crate::options::{Target, resolve};
use crate::process::ServerProcess;
use crate::subscriber::Client;
use crate::websocket;

/// What the answer to a `pipe_count` asked with marker 1 contains.
const COUNTED: &[u8] = b"\"marker\":\"1\"";

/// Pipes given a history with one statement.
const SETTINGS_AT_ONCE: usize = 500;

/// What the greeting contains.
const GREETING: &[u8] = b"\"serverInfo\"";

/// A running CometWire.
#[derive(Clone, Debug)]
pub(crate) struct CometDoor {
    backends: SocketAddr,
    browsers: SocketAddr,
    user: String,
    dev_id: u32,
    key: String,
    process: Option<ServerProcess>,
    echo: Echo,
    /// Whether browsers come through TLS.
    tls: bool,
}

impl CometDoor {
    /// The server the command line names.
    pub(crate) fn of(target: &Target) -> Result<Self, Error> {
        Ok(Self {
            backends: resolve("CometQL", &target.cometql)?,
            browsers: resolve("WebSocket", &target.http)?,
            user: target.dev.user.clone(),
            dev_id: target.dev.id,
            key: target.key.clone(),
            process: target.server_pid.map(ServerProcess::new).transpose()?,
            echo: Echo::Report,
            tls: target.wss,
        })
    }

    /// A server this program started, as root; a bare one sends no delivery reports.
    pub(crate) fn started(
        [backends, browsers]: [SocketAddr; 2],
        key: &str,
        process: ServerProcess,
        echo: Echo,
        tls: bool,
    ) -> Self {
        Self {
            backends,
            browsers,
            user: "root".into(),
            dev_id: 0,
            key: key.into(),
            process: Some(process),
            echo,
            tls,
        }
    }

    /// The same server where members of a chat hear nothing of themselves.
    #[cfg(test)]
    pub(crate) fn silent(self) -> Self {
        Self {
            echo: Echo::Silent,
            ..self
        }
    }

    /// A backend's connection, logged in.
    fn backend(&self) -> Result<TcpStream, Error> {
        let mut socket = TcpStream::connect(self.backends).map_err(|source| Error::Connect {
            door: "CometQL",
            address: self.backends.to_string(),
            source,
        })?;
        mysql::login(&mut socket, &self.user, &self.key)?;
        Ok(socket)
    }

    fn upgrade(&self, api: &str) -> Upgrade {
        Upgrade {
            path: format!(
                "/ws/sesion=&myid=&devid={}&v=4.08&uuid={}&api={api}",
                self.dev_id,
                random_name(32)
            ),
            protocol: None,
        }
    }
}

impl Door for CometDoor {
    fn browsers(&self) -> SocketAddr {
        self.browsers
    }

    fn hearing(&self) -> Hearing {
        Hearing {
            echo: self.echo,
            ..Hearing::default()
        }
    }

    /// As a version 4.08 browser client does (compatibility reference §1.1, §1.2). The name must
    /// begin with `web_` or `track_`: only these can be asked for their count (§3.4).
    fn dialogue(&self, pipe: Option<&str>) -> Dialogue {
        let mut rounds = vec![Round::new(Vec::new(), GREETING)];
        if let Some(pipe) = pipe {
            // Commands of one connection are handled in order: the answer to the count proves the
            // subscription.
            let commands = [
                format!("subscription\n{pipe}"),
                format!("pipe_count\n{pipe}\n1\n"),
            ];
            rounds.push(Round::new(frames(&commands), COUNTED));
        }
        Dialogue {
            tls: self.tls,
            upgrade: Some(self.upgrade("js")),
            rounds,
        }
    }

    fn backends(&self, count: usize, form: Form) -> Result<Vec<BackendSocket>, Error> {
        connect_backends(self.backends, count, |socket| {
            mysql::login(socket, &self.user, &self.key)?;
            match form {
                Form::Text => Ok(None),
                Form::Prepared => mysql::prepare_insert(socket).map(Some),
            }
        })
    }

    fn write_statement(&self, statement: &Statement<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let pipe = statement.pipe;
        match statement.backend.statement {
            None => {
                let rows = statement.payloads.iter().map(Vec::as_slice);
                mysql::write_insert(pipe, "bench", rows, out)
            }
            Some(number) => mysql::write_execution(number, pipe, "bench", statement.single()?, out),
        }
    }

    fn next_answer(&self, bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error> {
        mysql::next_answer(bytes)
    }

    fn write_speech(&self, pipe: &str, payload: &[u8], out: &mut Vec<u8>) {
        let parts: [&[u8]; 4] = [b"web_pipe2\n", pipe.as_bytes(), b"\nbench\n*\n", payload];
        websocket::write_text(&parts.concat(), rand::random(), out);
    }

    fn count_subscribers(&self, pipes: &[String]) -> Result<Option<u64>, Error> {
        let mut control = Client::open(self, None)?;
        let mut sum = 0;
        for pipe in pipes {
            control.write(&frames(&[format!("pipe_count\n{pipe}\n1\n")]))?;
            let answer = control.hear(COUNTED)?;
            sum += serde_json::from_slice::<serde_json::Value>(&answer)
                .ok()
                .and_then(|answer| answer.get("data")?.get("user_in_pipe")?.as_u64())
                .ok_or_else(|| Error::Protocol {
                    protocol: "comet protocol",
                    detail: "an answer to pipe_count without a count".into(),
                })?;
        }
        Ok(Some(sum))
    }

    fn keep_history(&self, pipes: &[String], length: usize) -> Result<(), Error> {
        let mut socket = self.backend()?;
        for pipes in pipes.chunks(SETTINGS_AT_ONCE) {
            let rows: Vec<String> = pipes
                .iter()
                .map(|pipe| format!("('{pipe}', {length})"))
                .collect();
            let insert = format!(
                "INSERT INTO pipes_settings (name, length) VALUES {}",
                rows.join(", ")
            );
            mysql::execute(&mut socket, &insert)?;
        }
        Ok(())
    }

    fn fill_history(&self, pipe: &str, messages: &[String]) -> Result<(), Error> {
        let mut socket = self.backend()?;
        for message in messages {
            let insert = format!(
                "INSERT INTO pipes_messages (name, event, message) VALUES ('{pipe}', 'bench', '{message}')"
            );
            mysql::execute(&mut socket, &insert)?;
        }
        Ok(())
    }

    /// Commands of one connection are handled in order: the count comes after the history.
    fn ask_history(&self, pipe: &str) -> Result<Round, Error> {
        let commands = [
            format!("pipe_log\n{pipe}\n1\n"),
            format!("pipe_count\n{pipe}\n1\n"),
        ];
        Ok(Round::new(frames(&commands), COUNTED))
    }

    /// As our own client does, which is told at last where it stands.
    fn resumption(&self, pipe: &str, position: &str) -> Result<Dialogue, Error> {
        let command = format!("resume\n{pipe}\n{position}\n");
        Ok(Dialogue {
            tls: self.tls,
            upgrade: Some(self.upgrade("cometwire")),
            rounds: vec![
                Round::new(Vec::new(), GREETING),
                Round::new(frames(&[command]), b"\"event\":\"resumed\""),
            ],
        })
    }

    fn process(&self) -> Option<&ServerProcess> {
        self.process.as_ref()
    }
}

fn frames(commands: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for command in commands {
        websocket::write_text(command.as_bytes(), rand::random(), &mut bytes);
    }
    bytes
}

fn random_name(length: usize) -> String {
    rand::rng()
        .sample_iter(rand::distr::Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}

//! Mosquitto: `PUBLISH` at QoS 1, whose acknowledgement is waited for, and subscribers at QoS 0.
//! Both speak plain MQTT 5 over TCP: Debian's build has no WebSocket door, and without its frames
//! Mosquitto has less to do.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::doors::{
    BackendSocket, Dialogue, Door, Echo, Form, Framing, Hearing, Round, Statement, connect_backends,
};
use crate::error::Error;
use crate::mqtt;
use crate::mysql::Answer;
use crate::process::ServerProcess;

/// The first reason of an acknowledgement that is a refusal.
const REFUSAL: u8 = 0x80;

/// A running mosquitto.
#[derive(Debug)]
pub(crate) struct MosquittoDoor {
    pub(crate) address: SocketAddr,
    pub(crate) process: ServerProcess,
}

impl Door for MosquittoDoor {
    fn browsers(&self) -> SocketAddr {
        self.address
    }

    fn dialogue(&self, pipe: Option<&str>) -> Dialogue {
        let mut say = Vec::new();
        mqtt::write_connect(&client_name(), &mut say);
        let hear = match pipe {
            Some(pipe) => {
                mqtt::write_subscribe(pipe, &mut say);
                mqtt::SUBSCRIBED
            }
            None => &[mqtt::CONNACK],
        };
        Dialogue {
            tls: false,
            upgrade: None,
            rounds: vec![Round::new(say, hear)],
        }
    }

    fn hearing(&self) -> Hearing {
        Hearing {
            framing: Framing::Mqtt,
            echo: Echo::Silent,
        }
    }

    fn backends(&self, count: usize, _form: Form) -> Result<Vec<BackendSocket>, Error> {
        connect_backends(self.address, count, |socket| {
            let mut connect = Vec::new();
            mqtt::write_connect(&client_name(), &mut connect);
            socket
                .write_all(&connect)
                .map_err(|error| Error::connection("take the login", error))?;
            let mut inbox = Vec::new();
            loop {
                let mut chunk = [0; 256];
                let count = socket
                    .read(&mut chunk)
                    .map_err(|error| Error::connection("answer the login", error))?;
                inbox.extend_from_slice(chunk.get(..count).unwrap_or_default());
                match mqtt::next_packet(&inbox)? {
                    Some((packet, _)) if packet.first == mqtt::CONNACK => return Ok(None),
                    None if count > 0 => {}
                    _ => {
                        return Err(Error::Refused {
                            what: "the login",
                            answer: "no CONNACK".into(),
                        });
                    }
                }
            }
        })
    }

    fn write_statement(&self, statement: &Statement<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        // Numbers from 1, and never two of the same on their way.
        let number = (statement.turn % u64::from(u16::MAX)) as u16 + 1;
        mqtt::write_publish(statement.pipe, Some(number), statement.single()?, out);
        Ok(())
    }

    fn next_answer(&self, bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error> {
        let Some((packet, length)) = mqtt::next_packet(bytes)? else {
            return Ok(None);
        };
        let answer = match (packet.first, packet.body) {
            (mqtt::PUBACK, &[_, _, reason, ..]) if reason >= REFUSAL => {
                Answer::Refused(format!("reason 0x{reason:02x}"))
            }
            (mqtt::PUBACK, _) => Answer::Ok,
            _ => Answer::Aside,
        };
        Ok(Some((answer, length)))
    }

    fn write_speech(&self, pipe: &str, payload: &[u8], out: &mut Vec<u8>) {
        mqtt::write_publish(pipe, None, payload, out);
    }

    fn process(&self) -> Option<&ServerProcess> {
        Some(&self.process)
    }
}

fn client_name() -> String {
    format!("pipebench-{:016x}", rand::random::<u64>())
}

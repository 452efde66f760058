//! A door on a free port, and a browser made of a bare socket. Everything that
//! waits has a deadline.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pipes::limits::Limits;
use pipes::memory_storage::MemoryStorage;
use pipes::name::{AccessKey, DevId, EventName, PipeName, UserId};
use pipes::settings::PipeSettings;
use pipes::tenant::Tenants;
use pipes::{Change, Hall, HallConfig};
use serde_json::Value;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;
use ws_gateway::{Gateway, GatewayConfig, Shards};

const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    time::timeout(DEADLINE, what)
        .await
        .expect("not within the deadline")
}

/// Waits until something is true that must become so.
pub(crate) async fn until(what: impl Fn() -> bool) {
    soon(async {
        while !what() {
            time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

pub(crate) fn pipe(name: &str) -> PipeName {
    PipeName::parse(name).unwrap()
}

pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) hall: Arc<Hall>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) serving: JoinHandle<()>,
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        Self::of(Tenants::new("root key"), Limits::default(), change).await
    }

    pub(crate) async fn of(
        tenants: Tenants,
        limits: Limits,
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let mut config = GatewayConfig::default();
        change(&mut config);
        let shards = Shards::new(2, &config).unwrap();
        let hall_config = HallConfig {
            limits,
            tenants,
            online_events: true,
            offline_events: true,
        };
        let storage = Arc::new(MemoryStorage::new());
        let hall = Hall::new(hall_config, storage, shards.for_hall()).unwrap();
        let gateway = Gateway::new(Arc::clone(&hall), shards, config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(Arc::clone(&gateway).serve(listener, stopped));
        Self {
            address,
            hall,
            gateway,
            stop,
            serving,
        }
    }

    pub(crate) async fn apply(&self, change: Change) {
        soon(self.hall.apply(DevId::ROOT, vec![change]))
            .await
            .unwrap();
    }

    /// Publishes as a backend.
    pub(crate) async fn publish(&self, name: &str, payload: impl Into<Arc<str>>) {
        self.apply(Change::Publish {
            pipe: pipe(name),
            event: EventName::parse("e").unwrap(),
            payload: payload.into(),
        })
        .await;
    }

    pub(crate) async fn keep_history(&self, name: &str, length: u32) {
        self.apply(Change::PutSettings {
            pipe: pipe(name),
            settings: PipeSettings::of_length(length),
        })
        .await;
    }

    pub(crate) async fn give_key(&self, user: i64, key: &str) {
        self.apply(Change::PutKey {
            user: UserId::new(user).unwrap(),
            key: AccessKey::parse(key).unwrap(),
        })
        .await;
    }

    pub(crate) async fn subscribers(&self, name: &str, count: usize) {
        let name = pipe(name);
        until(|| self.hall.subscriber_count(DevId::ROOT, &name) == count).await;
    }

    pub(crate) fn slow_readers(&self) -> u64 {
        self.hall.counters().slow_readers.load(Ordering::Relaxed)
    }

    pub(crate) fn silent(&self) -> u64 {
        self.hall.counters().silent_readers.load(Ordering::Relaxed)
    }

    /// An anonymous original client of version 4, greeted.
    pub(crate) async fn original(&self) -> Browser {
        self.greeted(&anonymous("4.08", "js")).await
    }

    /// An anonymous client that closes by the book, greeted.
    pub(crate) async fn modern(&self) -> Browser {
        self.greeted(&anonymous("4.08", "own")).await
    }

    pub(crate) async fn greeted(&self, path: &str) -> Browser {
        let mut browser = self.connect(path).await;
        let greeting = browser.message().await;
        assert_eq!(greeting["event"], "serverInfo");
        browser
    }

    pub(crate) async fn connect(&self, path: &str) -> Browser {
        self.connect_with(path, "").await
    }

    pub(crate) async fn connect_with(&self, path: &str, headers: &str) -> Browser {
        let stream = soon(TcpStream::connect(self.address)).await.unwrap();
        Browser::upgrade(stream, path, headers).await
    }

    /// Like [`Door::greeted`], with a small receive buffer.
    pub(crate) async fn narrow(&self, path: &str) -> Browser {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = soon(socket.connect(self.address)).await.unwrap();
        let mut browser = Browser::upgrade(stream, path, "").await;
        assert_eq!(browser.message().await["event"], "serverInfo");
        browser
    }

    /// Sends bytes and gives everything that comes back until the server ends it.
    pub(crate) async fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = soon(TcpStream::connect(self.address)).await.unwrap();
        soon(stream.write_all(request)).await.unwrap();
        to_end(&mut stream).await
    }
}

pub(crate) fn anonymous(version: &str, api: &str) -> String {
    format!("/ws/sesion=undefined&myid=undefined&devid=0&v={version}&uuid=u1&api={api}")
}

pub(crate) fn logged_in(user: u32, key: &str, version: &str) -> String {
    format!("/ws/sesion={key}&myid={user}&devid=0&v={version}&uuid=u{user}&api=js")
}

/// Everything up to the end of the stream; a reset is an end, too.
pub(crate) async fn to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    bytes
}

pub(crate) struct Frame {
    /// Final bit, reserved bits and opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Browser {
    pub(crate) stream: TcpStream,
    /// The answer to the handshake.
    pub(crate) head: String,
    unread: Vec<u8>,
}

impl Browser {
    pub(crate) async fn upgrade(mut stream: TcpStream, path: &str, headers: &str) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: Y29tZXQtZG9jLWtleS0wMQ==\r\n\
             {headers}\r\n"
        );
        soon(stream.write_all(request.as_bytes())).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = soon(stream.read_u8()).await.expect("an answer");
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self {
            stream,
            head,
            unread: Vec::new(),
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.send(0x81, text.as_bytes()).await;
    }

    /// Subscribes, and waits until it counts.
    pub(crate) async fn join(&mut self, door: &Door, name: &str, count: usize) {
        self.say(&format!("subscription\n{name}")).await;
        door.subscribers(name, count).await;
    }

    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        self.send_raw(&masked(first, payload)).await;
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// The next frame, or `None` at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, length)) = split_frame(&self.unread) {
                self.unread.drain(..length);
                return Some(frame);
            }
            let mut more = vec![0; 64 * 1024];
            let count = soon(self.stream.read(&mut more)).await.unwrap_or(0);
            if count == 0 {
                return None;
            }
            self.unread.extend_from_slice(&more[..count]);
        }
    }

    /// The next frame, which must be a message.
    pub(crate) async fn message(&mut self) -> Value {
        let frame = self.frame().await.expect("a message");
        assert_eq!(frame.first, 0x81, "a text frame");
        serde_json::from_slice(&frame.payload).unwrap()
    }

    /// The next message, which must be an error that leaves the connection open.
    pub(crate) async fn error(&mut self) -> Value {
        let message = self.message().await;
        assert_eq!(message["pipe"], "sys", "{message}");
        assert_eq!(message["event"], "error", "{message}");
        assert!(message.get("error").is_none(), "{message}");
        message["data"].clone()
    }

    /// The first bytes of all frames until the end of the stream.
    pub(crate) async fn frames_to_end(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await {
            frames.push(frame);
        }
        frames
    }

    /// The stream ends here, without another byte.
    pub(crate) async fn ends(&mut self) {
        let rest = to_end(&mut self.stream).await;
        assert_eq!(
            (self.unread.as_slice(), rest.as_slice()),
            (&[][..], &[][..])
        );
    }

    /// The stream ends with a Close frame of this code and nothing after it.
    pub(crate) async fn closes(&mut self, code: u16) {
        let frame = self.frame().await.expect("a Close frame");
        assert_eq!(frame.first, 0x88);
        assert_eq!(frame.payload[..2], code.to_be_bytes());
        self.ends().await;
    }

    /// The server answers a ping, so it has done everything sent before.
    pub(crate) async fn settle(&mut self) {
        self.send(0x89, b"settle").await;
        let pong = self.frame().await.expect("a pong");
        assert_eq!(
            (pong.first, pong.payload.as_slice()),
            (0x8a, &b"settle"[..])
        );
    }

    /// Goes without a word, as a crash would: with a reset.
    pub(crate) fn crash(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let mask = MASK.iter().cycle();
    frame.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    frame
}

fn split_frame(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (start, length) = match *bytes.get(1)? {
        126 => (
            4,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (
            10,
            u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize,
        ),
        length => (2, usize::from(length)),
    };
    let payload = bytes.get(start..start + length)?.to_vec();
    let frame = Frame {
        first: bytes[0],
        payload,
    };
    Some((frame, start + length))
}

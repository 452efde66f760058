//! Starting, serving, stopping: the order in which the parts come up and go down.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cometql::wire::Wire;
use cometql::{CometQl, CometQlBackend, NodeFacts};
use pipes::tenant::Tenants;
use pipes::{Hall, HallConfig};
use rustix::net::sockopt;
use rustix::process::{Resource, getrlimit, setrlimit};
use storage::SqliteStorage;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::time;
use ws_gateway::{Gateway, Shards};

use crate::limits;
use crate::local_socket;
use crate::memory;
use crate::metrics::{Bounds, Metrics, server};
use crate::root_key::RootKey;
use crate::settings::Settings;
use crate::stop::{Request, Signals};
use crate::tls::Certificates;

/// How long a stop may take by default.
const DRAIN: Duration = Duration::from_secs(10);
/// After how long a quiet backend is asked for, by TCP.
const QUIET: Duration = Duration::from_secs(60);
/// How long its answer is waited for before it is asked again,
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// and how often before it counts as gone.
const ASK_TIMES: u32 = 6;
/// How many may wait to be accepted, if the system allows that: after a restart
/// everybody comes back at once, and who finds no room tries again a second later.
const WAITING: u32 = 4096;
/// Below this many open files a busy site runs into the system's limit.
const FEW_FILES: u64 = 10_000;

/// Runs the server until it is told to stop.
///
/// # Errors
/// One sentence that says what stands in the way of starting.
pub(crate) async fn run(settings: &Settings) -> Result<(), String> {
    let mut signals = Signals::listen().map_err(|error| format!("no signals: {error}"))?;
    let files = raise_file_limit();
    let data = settings.data_directory();
    let storage = SqliteStorage::open(&data, storage::Config::default())
        .map_err(|error| error.to_string())?;
    let storage = Arc::new(storage);
    let backends = listen(settings.cometql_address(), "CometQL", "--cometql")?;
    keep_alive(&backends).map_err(|error| format!("cannot listen for CometQL: {error}"))?;
    let browsers = listen(settings.http_address(), "browsers", "--http")?;
    let page = match settings.metrics {
        Some(address) => Some(listen(address, "metrics", "--metrics")?),
        None => None,
    };
    let addresses = Addresses {
        backends: address(&backends)?,
        browsers: address(&browsers)?,
        metrics: page.as_ref().map(address).transpose()?,
    };
    let certificates = Certificates::find(&settings.tls, &data)?;
    let local = settings.cometql_socket.as_deref();
    let local = local.map(local_socket::listen).transpose()?;
    let (local, socket_file) = local.unzip();
    // Last of what can fail: a key that is made is shown by this start or never.
    let root_key = RootKey::find(settings.given_root_key(), &data)?;

    let mut gateway_config = limits::gateway(settings);
    gateway_config.tls = certificates.for_browsers();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shards = Shards::new(settings.shards.unwrap_or(cores), &gateway_config)
        .map_err(|error| format!("cannot wait for sockets: {error}"))?;
    let hall_config = HallConfig {
        limits: limits::hall(settings),
        tenants: tenants(settings, &root_key),
        online_events: true,
        offline_events: true,
    };
    let hall = Hall::new(
        hall_config,
        Arc::clone(&storage) as Arc<_>,
        shards.for_hall(),
    )
    .map_err(|error| error.to_string())?;
    let wire_limits = limits::wire(settings);
    let node = addresses.node(storage.id(), &gateway_config.node_name);
    let mut language = limits::language(settings, &wire_limits, addresses.backends.port(), node);
    language.variables.extend(certificates.variables());
    let bounds = Bounds {
        gateway: gateway_config.limits.clone(),
        hall: hall.limits().clone(),
        wire: wire_limits.clone(),
        language: language.clone(),
    };
    let gateway = Gateway::new(Arc::clone(&hall), shards, gateway_config);
    let language = CometQl::new(Arc::clone(&hall), language).map_err(|error| error.to_string())?;
    let wire = Wire::new(Arc::new(CometQlBackend(Arc::clone(&language))), wire_limits);
    let wire = Arc::new(match certificates.for_backends() {
        Some(tls) => wire.with_tls(tls),
        None => wire,
    });

    let metrics = Metrics {
        hall: Arc::clone(&hall),
        gateway: Arc::clone(&gateway),
        language,
        wire: Arc::clone(&wire),
        storage: Arc::clone(&storage),
        bounds,
    };
    let serve_page = page.map(|page| tokio::spawn(server::serve(Arc::new(metrics), page)));

    let (stop_backends, backends_stop) = watch::channel(false);
    let (stop_browsers, browsers_stop) = watch::channel(false);
    let (stop_house, house_stop) = watch::channel(false);
    let serve_local = local.map(|local| {
        let stop = backends_stop.clone();
        tokio::spawn(Arc::clone(&wire).serve(local, stop))
    });
    let serve_backends = tokio::spawn(wire.serve(backends, backends_stop));
    let serve_browsers = tokio::spawn(gateway.serve(browsers, browsers_stop));
    tokio::spawn(memory::give_back(Arc::clone(&hall), house_stop.clone()));
    let keep_house = tokio::spawn(Arc::clone(&hall).keep_house(house_stop));

    announce(settings, &root_key, &data, &addresses);
    if let Some(files) = files.filter(|files| *files < FEW_FILES) {
        tracing::warn!(files, "few_open_files_allowed");
    }

    let signal = loop {
        match signals.next().await {
            Request::Stop(signal) => break signal,
            Request::Reload => certificates.reload(),
        }
    };
    tracing::info!(signal, "draining");
    let grace = settings.drain_seconds.map_or(DRAIN, Duration::from_secs);
    let drained = async {
        // Statements first: what they publish still reaches the browsers.
        let _ = stop_backends.send(true);
        let _ = serve_backends.await;
        if let Some(serve_local) = serve_local {
            let _ = serve_local.await;
        }
        let _ = stop_browsers.send(true);
        let _ = serve_browsers.await;
    };
    if time::timeout(grace, drained).await.is_err() {
        tracing::warn!(seconds = grace.as_secs(), "drain_cut_off");
    }
    drop(socket_file);
    // Last, so that a drain can be watched.
    if let Some(serve_page) = serve_page {
        serve_page.abort();
    }
    let _ = stop_house.send(true);
    let _ = keep_house.await;
    let closed = tokio::task::spawn_blocking(move || storage.close()).await;
    if let Err(error) = closed {
        tracing::error!(%error, "storage_not_closed");
    }
    tracing::info!("stopped");
    Ok(())
}

fn tenants(settings: &Settings, root_key: &RootKey) -> Tenants {
    let root = Tenants::new(root_key.key.reveal());
    settings.developers().fold(root, |tenants, developer| {
        tenants.with(developer.dev_id, developer.key.reveal())
    })
}

fn listen(address: SocketAddr, whom: &str, flag: &str) -> Result<TcpListener, String> {
    let bound = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(WAITING)
    };
    bound().map_err(|error: io::Error| {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => "another program uses that address".to_owned(),
            io::ErrorKind::PermissionDenied => "that port needs more rights".to_owned(),
            io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
            _ => error.to_string(),
        };
        format!("cannot listen on {address} for {whom}: {reason}; choose another with {flag} ADDR")
    })
}

/// Has the system ask after backends that are quiet, and close those that are gone
/// without a word: connections inherit it from `listener`. Browsers are asked by
/// WebSocket pings.
fn keep_alive(listener: &TcpListener) -> io::Result<()> {
    sockopt::set_tcp_keepidle(listener, QUIET)?;
    sockopt::set_tcp_keepintvl(listener, ASK_AGAIN)?;
    sockopt::set_tcp_keepcnt(listener, ASK_TIMES)?;
    Ok(sockopt::set_socket_keepalive(listener, true)?)
}

/// Where the server listens.
struct Addresses {
    backends: SocketAddr,
    browsers: SocketAddr,
    metrics: Option<SocketAddr>,
}

impl Addresses {
    /// What the node knows of itself.
    fn node(&self, id: &str, name: &str) -> NodeFacts {
        NodeFacts {
            id: id.to_owned(),
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cometql: self.backends.to_string(),
            http: self.browsers.to_string(),
            metrics: self
                .metrics
                .map_or_else(String::new, |page| page.to_string()),
        }
    }
}

fn address(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(|error| error.to_string())
}

/// As many open files as the system lets us have; gives how many.
fn raise_file_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).ok()?;
    limit.current
}

/// Says where everything is. The key is shown at the start that made it, and
/// never again.
fn announce(settings: &Settings, root_key: &RootKey, data: &Path, addresses: &Addresses) {
    let Addresses {
        backends,
        browsers,
        metrics,
    } = addresses;
    let host = match backends.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        ip => ip.to_string(),
    };
    let port = backends.port();
    let password = match &root_key.file {
        Some(file) => format!("-p\"$(cat {})\"", file.display()),
        None => "-p".to_owned(),
    };
    let browser_url = match browsers.ip() {
        ip if ip.is_unspecified() => format!("http://127.0.0.1:{}", browsers.port()),
        _ => format!("http://{browsers}"),
    };
    let mut text = format!(
        "CometWire {}\n  CometQL    {backends}    mysql -h{host} -P{port} -uroot {password} CometQL_v1\n",
        env!("CARGO_PKG_VERSION"),
    );
    if let Some(socket) = &settings.cometql_socket {
        let _ = writeln!(text, "  Socket     {}", socket.display());
    }
    let _ = writeln!(text, "  Browsers   http://{browsers}");
    if let Some(metrics) = metrics {
        let _ = writeln!(text, "  Metrics    http://{metrics}/metrics");
    }
    let _ = writeln!(text, "  Data       {}", data.display());
    let _ = writeln!(text, "  Examples   {browser_url}/examples/");
    if root_key.is_new {
        let kept = root_key.file.as_deref().unwrap_or(data).display();
        let key = root_key.key.reveal();
        let _ = writeln!(
            text,
            "  Root key   {key}    shown this once, kept in {kept}"
        );
    }
    let others = settings.developers().map(|dev| dev.dev_id.to_string());
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        let _ = writeln!(text, "  dev_ids    0 (root), {}", others.join(", "));
    }
    // A closed standard output is no reason to stop.
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

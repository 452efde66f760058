//! Starting the peers from their Debian and npm packages, each with the configuration that suits it
//! in a race: no logs, no persistence, no limits that a run would meet.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::doors::{Door, MosquittoDoor, NatsDoor, NchanDoor, SocketIoDoor};
use crate::error::Error;
use crate::process::{ServerProcess, raise_file_limit};
use crate::servers::running::{Launch, Running, free_address};
use crate::servers::{Grounds, Stage};

/// Where Debian puts nginx's modules.
const NCHAN_MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// nginx with nchan.
pub(super) fn nchan(grounds: &Grounds) -> Result<Stage, Error> {
    if !Path::new(NCHAN_MODULE).exists() {
        return Err(Error::Absent("libnginx-mod-nchan".into()));
    }
    let address = free_address()?;
    let running = Running::start_at(launch("nginx"), &grounds.scratch, &[address], |directory| {
        let configuration = write(directory, "nginx.conf", &nginx_conf(directory, address))?;
        let prefix = directory.display().to_string();
        Ok(vec!["-p".into(), prefix, "-c".into(), configuration])
    })?;
    let process = ServerProcess::new(running.id())?;
    Ok(stage(NchanDoor { address, process }, running))
}

/// nats-server with its WebSocket door.
pub(super) fn nats(grounds: &Grounds) -> Result<Stage, Error> {
    let (backends, browsers) = (free_address()?, free_address()?);
    let server = launch("nats-server");
    let running = Running::start_at(
        server,
        &grounds.scratch,
        &[backends, browsers],
        |directory| {
            let text = format!(
                "listen: \"{backends}\"\n\
             websocket {{ listen: \"{browsers}\", no_tls: true, compression: false }}\n\
             max_connections: 100000\n"
            );
            let configuration = write(directory, "nats.conf", &text)?;
            Ok(vec!["-c".into(), configuration])
        },
    )?;
    let process = ServerProcess::new(running.id())?;
    let door = NatsDoor {
        backends,
        browsers,
        process,
    };
    Ok(stage(door, running))
}

/// mosquitto with a plain listener.
pub(super) fn mosquitto(grounds: &Grounds) -> Result<Stage, Error> {
    let address = free_address()?;
    let server = launch("mosquitto");
    let running = Running::start_at(server, &grounds.scratch, &[address], |directory| {
        let text = format!(
            "listener {} {}\n\
             allow_anonymous true\n\
             persistence false\n\
             log_type none\n\
             sys_interval 0\n\
             set_tcp_nodelay true\n\
             max_inflight_messages 0\n\
             max_queued_messages 0\n",
            address.port(),
            address.ip()
        );
        let configuration = write(directory, "mosquitto.conf", &text)?;
        Ok(vec!["-c".into(), configuration])
    })?;
    let process = ServerProcess::new(running.id())?;
    Ok(stage(MosquittoDoor { address, process }, running))
}

/// The Socket.IO server of `benches/peers`, after `npm ci` there.
pub(super) fn socket_io(grounds: &Grounds) -> Result<Stage, Error> {
    let directory = grounds.peers.join("socket.io");
    if !directory.join("node_modules/socket.io").exists() {
        let directory = directory.display();
        return Err(Error::Absent(format!("socket.io (npm ci in {directory})")));
    }
    let program = directory.join("server.mjs").canonicalize();
    let program = program.map_err(|source| Error::Io {
        what: "finding the Socket.IO server",
        source,
    })?;
    let address = free_address()?;
    let node = launch("node").environment("NODE_ENV", "production");
    let running = Running::start_at(node, &grounds.scratch, &[address], |_| {
        Ok(vec![
            program.display().to_string(),
            address.port().to_string(),
        ])
    })?;
    let process = ServerProcess::new(running.id())?;
    Ok(stage(SocketIoDoor { address, process }, running))
}

fn stage(door: impl Door + 'static, running: Running) -> Stage {
    Stage {
        door: Box::new(door),
        running: Some(running),
    }
}

/// A program in the search path; servers are where only root's path may lead.
fn launch(program: &str) -> Launch {
    let administrators = Path::new("/usr/sbin").join(program);
    Launch::new(if administrators.exists() {
        administrators
    } else {
        PathBuf::from(program)
    })
}

fn write(directory: &Path, name: &str, text: &str) -> Result<String, Error> {
    let path = directory.join(name);
    let written = fs::write(&path, text);
    written.map_err(|source| Error::Io {
        what: "writing a peer's configuration",
        source,
    })?;
    Ok(path.display().to_string())
}

fn nginx_conf(directory: &Path, address: SocketAddr) -> String {
    let directory = directory.display();
    let files = raise_file_limit();
    format!(
        "load_module {NCHAN_MODULE};\n\
         daemon off;\n\
         user root;\n\
         worker_processes auto;\n\
         pid {directory}/nginx.pid;\n\
         error_log stderr error;\n\
         events {{ worker_connections {files}; multi_accept on; }}\n\
         http {{\n\
           access_log off;\n\
           keepalive_requests 1000000000;\n\
           keepalive_timeout 1h;\n\
           client_body_temp_path {directory}/body;\n\
           client_body_buffer_size 256k;\n\
           client_max_body_size 1m;\n\
           nchan_shared_memory_size 512M;\n\
           nchan_message_buffer_length 1000;\n\
           nchan_message_timeout 30s;\n\
           server {{\n\
             listen {address} backlog=4096;\n\
             location ~ ^/pub/(\\w+)$ {{ nchan_publisher; nchan_channel_id $1; }}\n\
             location ~ ^/sub/(\\w+)$ {{\n\
               nchan_pubsub websocket;\n\
               nchan_channel_id $1;\n\
               nchan_subscriber_first_message newest;\n\
             }}\n\
           }}\n\
         }}\n"
    )
}

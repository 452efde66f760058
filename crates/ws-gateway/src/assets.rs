//! What the binary carries with it: the JavaScript client with its modules and
//! declarations, and the examples that need no backend, so that a single file
//! is enough to try everything. Scripts of the client go out as
//! `tests/build-client.mjs` makes them of their sources, which lie beside them;
//! all of it goes out compressed where the browser takes that.

use std::io::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::files::content_type;

/// A file of the client: its name, and where it lies.
macro_rules! client {
    ($name:literal, $file:literal) => {
        (
            concat!("/", $name),
            include_bytes!(concat!("../assets/", $file)),
        )
    };
}

/// A file of the examples, under the path it has there.
macro_rules! example {
    ($path:literal) => {
        (
            concat!("/examples/", $path),
            include_bytes!(concat!("../../../examples/", $path)),
        )
    };
}

const ASSETS: &[(&str, &[u8])] = &[
    client!("CometServerApi.js", "served/CometServerApi.js"),
    client!("CometServerApi.js.map", "served/CometServerApi.js.map"),
    client!("CometServerApi.src.js", "CometServerApi.js"),
    client!("CometServerApi.mjs", "CometServerApi.mjs"),
    client!("CometServerTabs.mjs", "served/CometServerTabs.mjs"),
    client!("CometServerTabs.mjs.map", "served/CometServerTabs.mjs.map"),
    client!("CometServerTabs.src.mjs", "CometServerTabs.mjs"),
    client!("CometServerHttp.mjs", "served/CometServerHttp.mjs"),
    client!("CometServerHttp.mjs.map", "served/CometServerHttp.mjs.map"),
    client!("CometServerHttp.src.mjs", "CometServerHttp.mjs"),
    client!("CometServerApi.d.ts", "CometServerApi.d.ts"),
    client!("CometServerApi.d.mts", "CometServerApi.d.mts"),
    example!("index.html"),
    example!("gallery.css"),
    example!("common.css"),
    example!("common.js"),
    example!("simple-chat/index.html"),
    example!("simple-chat/chat.js"),
    example!("simple-chat/style.css"),
    example!("who-is-online/index.html"),
    example!("who-is-online/online.js"),
    example!("who-is-online/style.css"),
    example!("private-messages/index.html"),
    example!("private-messages/private.js"),
    example!("private-messages/style.css"),
    example!("notifications/index.html"),
    example!("notifications/notifications.js"),
    example!("notifications/style.css"),
    example!("dashboard/index.html"),
    example!("dashboard/dashboard.js"),
    example!("dashboard/style.css"),
    example!("cursors/index.html"),
    example!("cursors/cursors.js"),
    example!("cursors/style.css"),
];

/// A file as it is served.
pub(crate) struct Asset {
    name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// The same, compressed with gzip; `None` where that makes it no smaller.
    pub(crate) gzip: Option<Bytes>,
}

static SERVED: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let assets = ASSETS.iter();
    assets
        .filter_map(|(name, body)| serve(name, body))
        .collect()
});

fn serve(name: &'static str, body: &'static [u8]) -> Option<Asset> {
    let body = Bytes::from_static(body);
    let gzip = compressed(&body).filter(|gzip| gzip.len() < body.len());
    let content_type = content_type(name)?;
    Some(Asset {
        name,
        content_type,
        body,
        gzip,
    })
}

fn compressed(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// The asset at a URL path; a path that ends in `/` is its `index.html`.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    SERVED.iter().find(|Asset { name, .. }| {
        *name == path || (path.ends_with('/') && name.strip_prefix(path) == Some("index.html"))
    })
}

/// Whether a URL path without its last `/` is a directory of assets.
pub(crate) fn is_directory(path: &str) -> bool {
    ASSETS
        .iter()
        .any(|(name, _)| name.strip_prefix(path) == Some("/index.html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_content_type() {
        for (name, _) in ASSETS {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("/examples/").is_some());
        assert!(is_directory("/examples/simple-chat"));
        assert!(!is_directory("/CometServerApi.js"));
    }

    /// What a page loads where nothing is wrong: tabs share their connection. The way
    /// over plain HTTP comes on top where no WebSocket gets through.
    #[test]
    fn the_client_stays_small() {
        let sizes = ["/CometServerApi.js", "/CometServerTabs.mjs"]
            .map(|name| find(name).and_then(|asset| asset.gzip.as_ref()).unwrap())
            .map(Bytes::len);
        assert!(sizes.iter().sum::<usize>() < 12 * 1024, "{sizes:?} bytes");
    }
}

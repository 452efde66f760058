//! What the binary carries with it: the JavaScript client with its modules and
//! declarations, and the examples that need no backend, so that a single file
//! is enough to try everything. Scripts go out without their comments, and all
//! of it compressed where the browser takes that.

use std::io::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::files::content_type;

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
    (
        "/CometServerApi.js",
        include_bytes!("../assets/CometServerApi.js"),
    ),
    (
        "/CometServerApi.mjs",
        include_bytes!("../assets/CometServerApi.mjs"),
    ),
    (
        "/CometServerTabs.mjs",
        include_bytes!("../assets/CometServerTabs.mjs"),
    ),
    (
        "/CometServerHttp.mjs",
        include_bytes!("../assets/CometServerHttp.mjs"),
    ),
    (
        "/CometServerApi.d.ts",
        include_bytes!("../assets/CometServerApi.d.ts"),
    ),
    (
        "/CometServerApi.d.mts",
        include_bytes!("../assets/CometServerApi.d.mts"),
    ),
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
    let body = match std::str::from_utf8(body) {
        Ok(script) if name.ends_with("js") => Bytes::from(without_comments(script)),
        _ => Bytes::from_static(body),
    };
    let gzip = compressed(&body).filter(|gzip| gzip.len() < body.len());
    let content_type = content_type(name)?;
    Some(Asset {
        name,
        content_type,
        body,
        gzip,
    })
}

/// Leaves out the lines that are comment alone; `/*!` begins one that stays.
fn without_comments(script: &str) -> String {
    let mut kept = String::with_capacity(script.len());
    let mut inside = false;
    for line in script.split_inclusive('\n') {
        let text = line.trim();
        let begins = text.starts_with("/*") && !text.starts_with("/*!");
        if inside || begins {
            inside = !text.ends_with("*/");
        } else if !text.starts_with("//") {
            kept.push_str(line);
        }
    }
    kept
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

    #[test]
    fn comments_stay_at_home() {
        let script = "/*! who */\nconst a = 1; // so\n\n  // why\n  /** what\n   * more */\n  f(a);\n  /* x */\n";
        assert_eq!(
            without_comments(script),
            "/*! who */\nconst a = 1; // so\n\n  f(a);\n"
        );
    }

    #[test]
    fn no_script_has_a_text_of_several_lines_that_could_look_like_a_comment() {
        for (name, body) in ASSETS.iter().filter(|(name, _)| name.ends_with("js")) {
            let script = std::str::from_utf8(body).unwrap();
            for line in script.lines() {
                assert!(line.matches('`').count() % 2 == 0, "{name}: {line}");
            }
        }
    }

    /// What a page loads that shares its connection with other tabs.
    #[test]
    fn the_client_stays_small() {
        let gzip = |name| find(name).and_then(|asset| asset.gzip.as_ref()).unwrap();
        let client = gzip("/CometServerApi.js").len();
        let tabs = gzip("/CometServerTabs.mjs").len();
        assert!(client < 11 * 1024, "{client} bytes");
        assert!(client + tabs < 15 * 1024, "{client} and {tabs} bytes");
    }
}

//! What the binary carries with it: the JavaScript client with its module and
//! declarations, and the examples that need no backend, so that a single file
//! is enough to try everything.

use bytes::Bytes;

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

/// The asset at a URL path; a path that ends in `/` is its `index.html`.
pub(crate) fn find(path: &str) -> Option<(&'static str, Bytes)> {
    let (name, body) = ASSETS.iter().find(|(name, _)| {
        *name == path || (path.ends_with('/') && name.strip_prefix(path) == Some("index.html"))
    })?;
    Some((content_type(name)?, Bytes::from_static(body)))
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
}

//! The OpenAPI document.

use bytes::Bytes;
use http::{HeaderValue, header};

/// OpenAPI 3.1: `openapi.json` beside this file, without its white space, compressed.
const COMPRESSED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.deflate"));

/// Longest document, in bytes.
const BYTES_MAX: usize = 1024 * 1024;

fn document() -> Vec<u8> {
    // What the build compressed decompresses; the tests below read it.
    miniz_oxide::inflate::decompress_to_vec_with_limit(COMPRESSED, BYTES_MAX).unwrap_or_default()
}

/// Serves it.
pub(super) fn serve() -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(document()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests {
    use crate::doors::api::ROUTES;
    use crate::doors::{login, oidc, uploads};
    use std::collections::BTreeSet;

    #[test]
    fn the_document_and_the_table_have_the_same_routes() {
        let document: serde_json::Value = serde_json::from_slice(&super::document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let written: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods
                    .filter(|method| *method != "parameters")
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let own = ROUTES.iter().map(|route| (route.method, route.path));
        let of_files = uploads::ROUTES
            .iter()
            .map(|route| (route.method, route.path));
        let of_clients = oidc::ROUTES.iter().map(|route| (route.method, route.path));
        let of_sign_in = login::ROUTES.iter().map(|route| (route.method, route.path));
        let table: BTreeSet<String> = own
            .chain(of_files)
            .chain(of_clients)
            .chain(of_sign_in)
            .map(|(method, path)| format!("{method} {path}"))
            .collect();
        let others = uploads::ROUTES.len() + oidc::ROUTES.len() + login::ROUTES.len();
        let routes = ROUTES.len() + others;
        assert_eq!(table.len(), routes, "a route is there twice");
        assert_eq!(written, table);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_parameter_is_described() {
        let document: serde_json::Value = serde_json::from_slice(&super::document()).unwrap();
        let text = String::from_utf8(super::document()).unwrap();
        assert!(text.contains("\"$ref\":\"#/components/"));
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            let described = item["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(described, path.matches('{').count(), "{path}");
        }
    }
}

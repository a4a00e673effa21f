//! What a client asks when it connects: the version, and what the server can do.

use tonic::{Request, Response, Status};

use crate::connection::Wire;
use crate::fault::Call;
use crate::server::Shared;
use crate::wire::event_store::client::server_features::server_features_server::ServerFeatures;
use crate::wire::event_store::client::server_features::{SupportedMethod, SupportedMethods};

/// Of the servers whose documented behaviour this one shows.
const VERSION: &str = "24.10.0";

#[derive(Debug, Clone)]
pub(crate) struct Features(pub(crate) Shared);

#[tonic::async_trait]
impl ServerFeatures for Features {
    async fn get_supported_methods(
        &self,
        request: Request<()>,
    ) -> Result<Response<SupportedMethods>, Status> {
        let wire = request.extensions().get::<Wire>().cloned().unwrap_or_default();
        let passage = self.0.faults.enter(Call::Features, "", wire).await?;
        let methods = ["append", "batchappend", "delete", "read", "tombstone"];
        let answer = SupportedMethods {
            methods: methods.into_iter().map(supported).collect(),
            event_store_server_version: VERSION.to_owned(),
        };
        passage.leave().await?;
        Ok(Response::new(answer))
    }
}

fn supported(method: &str) -> SupportedMethod {
    let features: &[&str] = match method {
        "read" => &["position", "events"],
        "batchappend" => &["deadline_duration"],
        _ => &[],
    };
    SupportedMethod {
        method_name: method.to_owned(),
        service_name: "event_store.client.streams.streams".to_owned(),
        features: features.iter().map(|feature| (*feature).to_owned()).collect(),
    }
}

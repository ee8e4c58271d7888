//! The gRPC door of a process: administration is open from the start, everything else once the process is a node.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use meridian_proto::CLUSTER_HEADER;
use meridian_topology::ClusterId;
use tonic::{
    Status,
    body::Body,
    codegen::{Service, http},
    service::Routes,
};

/// Routes requests to services that come into being one after the other.
#[derive(Clone)]
pub(crate) struct Gate {
    first: Routes,
    /// Path prefix of what `first` serves.
    prefix: &'static str,
    rest: Arc<OnceLock<Rest>>,
}

struct Rest {
    routes: Routes,
    /// The cluster that callers must mean, where their path begins so.
    cluster: (&'static str, String),
}

impl Gate {
    pub(crate) fn new(first: Routes, prefix: &'static str) -> Gate {
        Gate { first, prefix, rest: Arc::default() }
    }

    /// Opens the rest, once. What begins with `guarded` is refused to callers who mean another cluster.
    pub(crate) fn open(&self, routes: Routes, guarded: &'static str, cluster: ClusterId) {
        if self.rest.set(Rest { routes, cluster: (guarded, cluster.to_string()) }).is_err() {
            unreachable!("a process becomes a node once");
        }
    }
}

impl Service<http::Request<Body>> for Gate {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self.routes(&request) {
            Ok(mut routes) => Box::pin(async move { routes.call(request).await }),
            Err(refused) => Box::pin(std::future::ready(Ok(refused.into_http()))),
        }
    }
}

impl Gate {
    fn routes(&self, request: &http::Request<Body>) -> Result<Routes, Status> {
        let path = request.uri().path();
        if path.starts_with(self.prefix) {
            return Ok(self.first.clone());
        }
        let Some(rest) = self.rest.get() else {
            return Err(Status::unavailable("this process belongs to no cluster yet"));
        };
        let (guarded, cluster) = &rest.cluster;
        let meant = request.headers().get(CLUSTER_HEADER).map(http::HeaderValue::as_bytes);
        if path.starts_with(guarded) && meant != Some(cluster.as_bytes()) {
            return Err(Status::failed_precondition(format!(
                "this process belongs to the cluster {cluster}"
            )));
        }
        Ok(rest.routes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(gate: &Gate, path: &str, cluster: Option<ClusterId>) -> Result<(), tonic::Code> {
        let mut request = http::Request::builder().uri(path);
        if let Some(cluster) = cluster {
            request = request.header(CLUSTER_HEADER, cluster.to_string());
        }
        gate.routes(&request.body(Body::empty()).unwrap()).map(|_| ()).map_err(|status| status.code())
    }

    #[test]
    fn only_who_means_this_cluster_is_let_in() {
        let gate = Gate::new(Routes::default(), "/admin/");
        let mine = Some(ClusterId(7));
        assert_eq!(asked(&gate, "/admin/Status", None), Ok(()));
        assert_eq!(asked(&gate, "/exec/Exec", mine), Err(tonic::Code::Unavailable));
        gate.open(Routes::default(), "/exec/", ClusterId(7));
        assert_eq!(asked(&gate, "/exec/Exec", mine), Ok(()));
        assert_eq!(asked(&gate, "/raft/Vote", None), Ok(()));
        for other in [None, Some(ClusterId(8))] {
            assert_eq!(asked(&gate, "/exec/Exec", other), Err(tonic::Code::FailedPrecondition));
        }
    }
}

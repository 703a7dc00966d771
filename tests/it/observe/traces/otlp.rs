//! Over the wire, to whoever speaks OTLP.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use moltbot_audit::TraceContext;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use serde_json::{Value, json};

use super::{SPAN, TRACE, host, ids, listen_with, moltbot_call};

/// HTTP/1.1 by hand, one connection a request.
#[derive(Debug)]
struct PlainClient;

#[async_trait]
impl HttpClient for PlainClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let authority = request.uri().authority().ok_or("no authority")?.as_str();
        let mut stream = TcpStream::connect(authority)?;
        write!(stream, "POST {} HTTP/1.1\r\nhost: {authority}\r\n", request.uri().path())?;
        for (name, value) in request.headers() {
            write!(stream, "{name}: {}\r\n", value.to_str()?)?;
        }
        write!(stream, "content-length: {}\r\n\r\n", request.body().len())?;
        stream.write_all(request.body())?;
        let (head, body) = read_message(&stream)?;
        let status = head.first().and_then(|line| line.split(' ').nth(1)).ok_or("no status")?;
        Ok(Response::builder().status(status).body(body.into())?)
    }
}

/// The lines of the head, in lower case, and the body.
fn read_message(stream: &TcpStream) -> io::Result<(Vec<String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_lowercase());
    }
    let len = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; len.and_then(|len| len.parse().ok()).unwrap_or_default()];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}

/// Takes one request, and gives its head and its body.
fn receive_one(listener: &TcpListener) -> io::Result<(Vec<String>, Vec<u8>)> {
    let (mut stream, _) = listener.accept()?;
    let message = read_message(&stream)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")?;
    stream.write_all(b"content-length: 2\r\n\r\n{}")?;
    Ok(message)
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    &found.unwrap_or_else(|| panic!("no {key} in {attributes:#?}"))["value"]
}

#[tokio::test]
async fn a_receiver_gets_the_span_with_the_ids_that_the_events_have() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().expect("bound"));
    let receiver = thread::spawn(move || receive_one(&listener));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(PlainClient)
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(endpoint)
        .build()
        .expect("an exporter");

    let host = host();
    let listening = listen_with(exporter);
    let header = format!("00-{TRACE}-{SPAN}-01");
    let trace = TraceContext::from_traceparent(&header).expect("a valid header");
    let run = host
        .auditor
        .effect(moltbot_call().trace(trace))
        .run(async || Ok::<_, String>(json!({ "input_tokens": 1200, "output_tokens": 80 })));
    run.await.expect("it runs");
    drop(listening);

    let (head, body) = receiver.join().expect("no panic").expect("a request");
    assert_eq!(head[0], "post /v1/traces http/1.1");
    assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let (trace_id, span_id) = ids(&host.events("moltbot.called")[0]);
    assert_eq!(span["name"], "chat m-1");
    assert_eq!(span["kind"], 3, "a client's");
    assert_eq!([&span["traceId"], &span["spanId"]], [&trace_id, &span_id]);
    assert_eq!([&span["traceId"], &span["parentSpanId"]], [TRACE, SPAN]);
    assert_eq!(attribute(span, "gen_ai.request.model")["stringValue"], "m-1");
    // OTLP's JSON has 64-bit integers as text.
    assert_eq!(attribute(span, "gen_ai.usage.input_tokens")["intValue"], "1200");
}

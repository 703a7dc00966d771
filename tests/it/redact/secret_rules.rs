//! Samples of public rules for secrets, generated from the rules' own shapes, and how many of them are found.
//!
//! `cargo test --test it redact::secret_rules -- --nocapture` prints what is missed. The shapes are those of gitleaks'
//! `config/gitleaks.toml`, of betterleaks, and of providers that neither lists: facts about what providers issue.
//! `{h32}` is 32 hex digits, `{a…}` letters and digits, `{l…}` small letters and digits, `{U…}` capitals and digits,
//! `{d…}` digits, `{w…}` base64url, `{uuid}` a UUID.

use moltbot_audit::redact::{Kind, find};

/// Keys that are told by themselves.
const TOLD_BY_FORM: &str = "
1password-secret-key A3-{U6}-{U11}-{U5}-{U5}-{U5}
1password-service-account-token ops_eyJ{a260}
adobe-client-secret p8e-{l32}
age-secret-key AGE-SECRET-KEY-1{U58}
airtable-personnal-access-token pat{a14}.{h64}
aikido-ci-token AIK_CI_{a30}
alibaba-access-key-id LTAI{l20}
anthropic-admin-api-key sk-ant-admin01-{w93}AA
anthropic-api-key sk-ant-api03-{w93}AA
artifactory-api-key AKCp{a69}
artifactory-reference-token cmVmd{a59}
atlassian-api-token ATATT3{w186}
authress-service-client-access-key sc_{l12}.{l5}.acc-{l20}.{a60}
aws-access-token AKIA{U16}
aws-access-token ASIA{U16}
aws-access-token ABIA{U16}
aws-access-token ACCA{U16}
aws-amazon-bedrock-api-key-long-lived ABSK{a120}
aws-amazon-bedrock-api-key-short-lived bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t
azure-ad-client-secret {a3}8Q~{w33}
bitbucket-app-password ATBB{a32}
buildkite-user-token bkua_{h40}
circleci-token CCIPAT_{a22}_{h40}
clickhouse-cloud-api-secret-key 4b1d{a38}
clojars-api-token CLOJARS_{l60}
cloudflare-origin-ca-key v1.0-{h24}-{h146}
databricks-api-token dapi{h32}
defined-networking-api-token dnkey-{l26}-{l52}
digitalocean-access-token doo_v1_{h64}
digitalocean-pat dop_v1_{h64}
digitalocean-refresh-token dor_v1_{h64}
discord-webhook https://discord.com/api/webhooks/{d18}/{w68}
docker-pat dckr_pat_{w27}
doppler-api-token dp.pt.{l43}
dropbox-short-lived-api-token sl.{w135}
duffel-api-token duffel_live_{w43}
dynatrace-api-token dt0c01.{U24}.{U64}
easypost-api-token EZAK{a54}
easypost-test-api-token EZTK{a54}
facebook-access-token {d15}|{w27}
facebook-page-access-token EAAM{a110}
facebook-page-access-token EAAG{a34}
figma-token figd_{w40}
firecrawl-api-key fc-{h32}
flutterwave-encryption-key FLWSECK_TEST-{h12}
flutterwave-public-key FLWPUBK_TEST-{h32}-X
flutterwave-secret-key FLWSECK_TEST-{h32}-X
flyio-access-token fo1_{w43}
flyio-access-token fm2_{a120}
frameio-api-token fio-u-{w64}
freemius-secret-key 'secret_key' => 'sk_{a29}'
gcp-api-key AIza{w35}
gemini-api-key AQ.Ab8RN6{w44}
github-app-token ghs_{a36}
github-fine-grained-pat github_pat_{a82}
github-oauth gho_{a36}
github-pat ghp_{a36}
github-refresh-token ghr_{a36}
gitlab-cicd-job-token glcbt-{a4}_{w20}
gitlab-deploy-token gldt-{w20}
gitlab-feature-flag-client-token glffct-{w20}
gitlab-feed-token glft-{w20}
gitlab-incoming-mail-token glimt-{w25}
gitlab-kubernetes-agent-token glagent-{w50}
gitlab-oauth-app-secret gloas-{w64}
gitlab-pat glpat-{w20}
gitlab-pat-routable glpat-{w30}.01{l7}
gitlab-ptt glptt-{h40}
gitlab-rrt GR1348941{w20}
gitlab-runner-authentication-token glrt-{w20}
gitlab-scim-token glsoat-{w20}
gitlab-session-cookie _gitlab_session={h32}
grafana-api-key eyJrIjoi{a90}
grafana-cloud-api-token glc_{a60}
grafana-service-account-token glsa_{a32}_{h8}
groq-api-key gsk_{a52}
harness-api-key pat.{w22}.{a24}.{a20}
harness-api-key sat.{w22}.{a24}.{a20}
hashicorp-tf-api-token {l14}.atlasv1.{w64}
heroku-api-key-v2 HRKU-AA{w58}
hubspot-private-app pat-na1-{uuid}
huggingface-access-token hf_{L34}
huggingface-organization-api-token api_org_{L34}
infracost-api-token ico-{a32}
intra42-client-secret s-s4t2ud-{h64}
jina-api-key jina_{h32}{a28}
jwt eyJ{a30}.eyJ{a40}.{w43}
jwt-base64 ZXlKaGJHY2lPaU{a90}
langfuse-secret-key sk-lf-{uuid}
langsmith-api-key lsv2_pt_{h32}_{h10}
langsmith-api-key lsv2_pt_{h32}
linear-api-key lin_api_{l40}
mailchimp-api-key {h32}-us20
mailgun-private-api-token key-{h32}
mailgun-pub-key pubkey-{h32}
mapbox-api-token pk.{l60}.{l22}
maxmind-license-key {a6}_{a29}_mmk
microsoft-teams-webhook https://x.webhook.office.com/webhookb2/{uuid}@{uuid}/IncomingWebhook/{h32}/{uuid}
new-relic-browser-api-token NRJS-{h19}
new-relic-insert-key NRII-{l32}
new-relic-user-api-key NRAK-{U27}
notion-api-token ntn_{d11}{a35}
npm-access-token npm_{l36}
nvidia-api-key nvapi-{w64}
octopus-deploy-api-key API-{U26}
openai-api-key sk-proj-{w74}T3BlbkFJ{w74}
openai-api-key sk-{a20}T3BlbkFJ{a20}
openshift-user-token sha256~{w43}
perplexity-api-key pplx-{a48}
pinecone-api-key pcsk_{a6}_{a60}
plaid-api-token access-sandbox-{uuid}
planetscale-api-token pscale_tkn_{w43}
planetscale-oauth-token pscale_oauth_{w43}
planetscale-password pscale_pw_{w43}
posthog-personal-api-key phx_{a43}
postman-api-token PMAK-{h24}-{h34}
prefect-api-token pnu_{a36}
private-key -----BEGIN RSA PRIVATE KEY-----\\n{a200}\\n-----END RSA PRIVATE KEY-----
pulumi-api-token pul-{h40}
pypi-upload-token pypi-AgEIcHlwaS5vcmc{w60}
razorpay-key rzp_live_{a14}
readme-api-token rdme_{l70}
replicate-api-token r8_{a37}
rubygems-api-token rubygems_{h48}
runpod-api-key rpa_{a40}
scalingo-api-token tk-us-{w48}
sendgrid-api-token SG.{w22}.{w43}
sendinblue-api-token xkeysib-{h64}-{a16}
sentry-org-token sntrys_eyJpYXQiO{a60}
sentry-user-token sntryu_{h64}
settlemint-application-access-token sm_aat_{a16}
settlemint-personal-access-token sm_pat_{a16}
settlemint-service-access-token sm_sat_{a16}
shippo-api-token shippo_live_{h40}
shopify-access-token shpat_{h32}
shopify-custom-access-token shpca_{h32}
shopify-private-app-access-token shppa_{h32}
shopify-shared-secret shpss_{h32}
slack-app-token xapp-1-{U9}-{d13}-{h60}
slack-bot-token xoxb-{d12}-{d12}-{a24}
slack-config-access-token xoxe.xoxb-1-{U164}
slack-config-refresh-token xoxe-1-{U146}
slack-legacy-token xoxo-{d10}-{d10}-{d10}-{h32}
slack-legacy-workspace-token xoxr-{a30}
slack-user-token xoxp-{d12}-{d12}-{d12}-{a32}
slack-webhook-url https://hooks.slack.com/services/{a44}
sourcegraph-access-token sgp_{h40}
square-access-token sq0atp-{w22}
square-access-token EAAA{w60}
stripe-access-token sk_live_{a24}
stripe-access-token rk_test_{a24}
stripe-access-token sk_prod_{a24}
tailscale-api-key tskey-api-{a12}-{a32}
tavily-api-key tvly-{a32}
telegram-bot-api-token {d10}:A{w34}
telegram-bot-api-token https://api.telegram.org/bot{d10}:A{w34}/getMe
twilio-api-key SK{h32}
twilio-account AC{h32}:{h32}
twitter-bearer-token AAAAAAAAAAAAAAAAAAAAAA{a90}
typeform-api-token tfp_{w59}
vault-batch-token hvb.{w140}
vault-service-token hvs.CAESIJ{w90}
vault-service-token s.{a24}
vercel-blob vercel_blob_rw_{a40}
xai-api-key xai-{a80}
yandex-access-token t1.{w60}.{w86}
yandex-api-key AQVN{w36}
africas-talking atsk_{h48}
africas-talking atsk_{h72}
curl-auth-header curl -H 'Authorization: Token {h40}' x
curl-auth-header curl -H \"Authorization: Api-Token {h40}\" x
curl-auth-header curl --header 'Authorization:  {uuid}'
curl-auth-header curl -H \"apikey: {uuid}\" x
curl-auth-header curl -H \"X-Octopus-ApiKey: {uuid}\" x
curl-auth-header curl -H \"Token: {h16}\" x
curl-auth-user curl -u developer:{a16} x
curl-auth-user curl --user \"api:{a12}\" x
nuget-config-password <add key=\"ClearTextPassword\" value=\"{a18}\" />
azure-storage AccountName=x;AccountKey={a86}==;EndpointSuffix=core.windows.net
aikido-client-id AIK_CLIENT_{a24}
apify-api-token apify_api_{a36}
asaas-api-token $aact_prod_{w40}
bitbucket-data-center-token BBDC-{a44}
cerebras-api-key csk-{l48}
cloudsmith-api-key csa_{h30}{a6}
cockroachlabs-cloud-api-key CCDB1_{a22}_{a40}
configcat-sdk-key configcat-sdk-1/{w22}/{w22}
datastax-astra-application-token AstraCS:{a40}
deno-account-token ddp_{a36}
devcycle-server-sdk-key dvc_server_{a16}
devin-service-user-token cog_{l52}
docker-swarm-join-token SWMTKN-1-{l50}-{l25}
docker-swarm-unlock-key SWMKEY-1-{a43}
elastic-cloud-api-key essu_{w80}
elevenlabs-api-key sk_{h48}
klaviyo-api-key pk_{h34}
ionic-personal-access-token ion_{a42}
labelbox-api-key lbx_{w43}
llama-cloud-api-key llx-{a48}
mailersend-api-token mlsn.{a64}
mercury-production-api-token mercury_production_rma_{a44}_yrucrem
neon-api-key napi_{l64}
nylas-api-key nyk_{a67}
onesignal-api-key os_v2_app_{l103}
onfido-live-api-token api_live.{w40}
paddle-live-api-key pdl_live_apikey_{l26}_{a22}_{a3}
persona-production-api-key persona_production_{l40}
pinterest-access-token pina_{w60}
polar-personal-access-token polar_pat_{w40}
ramp-client-secret ramp_sec_{a48}
rootly-api-key rootly_{h64}
slack-session-cookie xoxd-{w110}
slack-session-token xoxc-{d12}-{d12}-{d12}-{h64}
togetherai-api-key tgp_v1_{w43}
vercel-personal-access-token vcp_{w56}
wakatime-api-key waka_{l36}
weights-and-biases-api-key wandb_v1_{a77}
woocommerce-consumer-secret cs_{h40}
xendit-production-api-key xnd_production_{a64}
zuplo-consumer-api-key zpka_{l32}_{h8}
";

/// Vendors whose keys have no form of their own: told by a name beside them. With the key's form.
const TOLD_BY_NAME: &str = "
adafruit {w32}
algolia {l32}
alibaba {l30}
asana {l32}
beamer b_{w44}
bitbucket {w64}
bittrex {l32}
cloudflare {w40}
codecov {l32}
cohere {a40}
coinbase {w64}
confluent {l64}
contentful {w43}
datadog {l40}
discord {h64}
droneci {l32}
dropbox {l15}
etsy {l24}
facebook {h32}
fastly {w32}
finicity {h32}
flickr {l32}
freshbooks {l64}
gitter {w40}
gocardless live_{w40}
heroku {uuid}
hubspot {uuid}
intercom {w60}
jfrog {l73}
kraken {a84}
kucoin {h24}
launchdarkly {w40}
linkedin {l16}
lob live_{h35}
looker {l24}
mattermost {l26}
messagebird {l25}
netlify {w43}
nytimes {w32}
okta 00{w40}
plaid {l30}
rapidapi {w50}
sendbird {h40}
sentry {h64}
snyk {uuid}
sonar {w40}
squarespace {uuid}
sumo {a64}
travis {l22}
twitch {l30}
twitter {l45}
zendesk {l40}
";

/// Ways to write a name and its value, as configuration files and programming languages have them.
const FORMS: [&str; 26] = [
    "{i}Token=\"{s}\"",
    "{i}Token = {s}",
    "{i}Token={s}",
    "{\n    \"{i}_token\": \"{s}\"\n}",
    "\\{\n    \\\"{i}_token\\\": \\\"{s}\\\"\n\\}",
    "<{i}Token>{s}</{i}Token>",
    "<{i}Token>\n    {s}\n</{i}Token>",
    "<entry name=\"{i}Token\" value=\"{s}\" />",
    "{i}_token: {s}",
    "{i}_token: '{s}'",
    "{i}_token: |\n  {s}",
    "{i}_token: >\n  {s}",
    "string {i}Token = \"{s}\";",
    "var {i}Token string = \"{s}\"",
    "{i}Token := \"{s}\"",
    "{i}Token := `{s}`",
    "var {i}Token: string = \"{s}\"",
    "${i}Token .= \"{s}\"",
    "${i}Token ??= \"{s}\"",
    "  \"{i}Token\" => \"{s}\"",
    "{i}_TOKEN ::= \"{s}\"",
    "{i}_TOKEN :::= \"{s}\"",
    "{i}_TOKEN ?= \"{s}\"",
    "{i}_TOKEN += \"{s}\"",
    "set(\"{i}_API_KEY\", \"{s}\")",
    "{i}_client_secret = \"{s}\"",
];

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).expect("24 bits") % end
    }

    fn of(&mut self, alphabet: &[u8], len: usize) -> String {
        (0..len).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    /// A sample of a shape.
    fn sample(&mut self, shape: &str) -> String {
        const HEX: &[u8] = b"0123456789abcdef";
        const ALL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut sample = String::new();
        let mut rest = shape;
        while let Some((before, behind)) = rest.split_once('{') {
            let (class, behind) = behind.split_once('}').expect("a class");
            sample += before;
            rest = behind;
            let len = class[1..].parse().unwrap_or_default();
            sample += &match &class[..1] {
                "h" => self.of(HEX, len),
                "a" => self.of(&ALL[..62], len),
                "l" => self.of(&ALL[26..62], len),
                "L" => self.of(&ALL[..52], len),
                "U" => self.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", len),
                "d" => self.of(b"123456789", len),
                "w" => self.of(ALL, len),
                _ => [8, 4, 4, 4, 12].map(|len| self.of(HEX, len)).join("-"),
            };
        }
        sample + rest
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter_map(|line| line.split_once(' '))
}

/// Whether the sample is found in a text, as a secret or as a URL that is one.
fn is_found(text: &str) -> bool {
    find(text).iter().any(|found| matches!(found.kind, Kind::Secret | Kind::SignedUrl))
}

/// A text with a secret of a rule's shape in it.
pub(crate) struct Sample {
    rule: &'static str,
    pub(crate) text: String,
    /// The secret, if only the name beside it tells.
    named: Option<String>,
}

/// The same in every run.
pub(crate) fn samples() -> Vec<Sample> {
    let mut random = Random(16);
    let mut samples = Vec::new();
    for (rule, shape) in rows(TOLD_BY_FORM) {
        for around in ["{}", "the key is {} today", "x=\"{}\";"] {
            for _ in 0..4 {
                let text = around.replace("{}", &random.sample(shape).replace("\\n", "\n"));
                samples.push(Sample { rule, text, named: None });
            }
        }
    }
    for (rule, shape) in rows(TOLD_BY_NAME) {
        for form in FORMS {
            let secret = random.sample(shape);
            let text = form.replace("{i}", rule).replace("{s}", &secret);
            samples.push(Sample { rule, text, named: Some(secret) });
        }
    }
    samples
}

#[test]
#[expect(clippy::print_stdout, reason = "what is missed is for who reads the documents")]
fn samples_of_public_rules_are_found() {
    let samples = samples();
    let is_missed = |sample: &&Sample| match &sample.named {
        None => !is_found(&sample.text),
        Some(secret) => moltbot_audit::redact::mask(&sample.text).contains(secret),
    };
    let missed: Vec<_> = samples.iter().filter(is_missed).collect();
    for Sample { rule, text, .. } in &missed {
        println!("missed {rule}: {text}");
    }
    let rules = rows(TOLD_BY_FORM).count() + rows(TOLD_BY_NAME).count();
    println!("{rules} rules, {} samples, {} missed", samples.len(), missed.len());
    assert!(rules > 200 && missed.len() * 50 <= samples.len(), "{} were missed", missed.len());
}

/// What looks a little like a key and is none.
#[test]
fn ids_hashes_and_file_names_are_no_keys() {
    let mut random = Random(17);
    for shape in [
        "{uuid}",
        "{h40}",
        "{h64}",
        "sku-{U8}",
        "sk-samsung-galaxy-a15-128gb",
        "pk_{d6}",
        "order-{d8}",
        "test_that_two_things_are_equal_in_the_third_case_of_four",
        "live_view_of_the_shop",
        "api-v2-orders",
        "API-REFERENCE",
        "SK-{d4}-{d4}",
        "pat_{d6}",
        "s.makeKubeConfigController",
        "v1.0-rc{d1}",
        "key-{d6}",
        "secret_santa_2026",
        "EAA2026",
        "sl.wikipedia.org",
        "t1.micro",
        "AC{h32}",
        "IMG-2026-WA{d4}.jpg",
        "media/2026/{uuid}.jpg",
        "idempotency_key={uuid}",
        "sha256:{h64}",
        "https://x.rw/p/{l24}",
        "ext_{l20}",
        "hf_dataset",
        "wamid.HBgMMjUwNzg4{a20}",
    ] {
        let text = random.sample(shape);
        let kinds: Vec<_> = find(&text).into_iter().map(|found| found.kind).collect();
        assert!(!kinds.contains(&Kind::Secret), "{text}");
    }
}

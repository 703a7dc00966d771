// Names and prefixes that reveal secrets, and letters for the comparison of names. They are exact copies of
// src/redact/key_rules/key_names.txt, src/redact/scan/secret_prefixes.txt and src/redact/letters.txt: a test compares them.

export const KEY_NAMES = String.raw`
# What a value is, by the name of its key. One table serves the store, masks and log lines. An exact copy is
# in examples/typescript/names.mjs, and a test compares the two.
#
# "kind: name name ...". A name is compared without case, accents, signs and the digits at its end, so that
# access_token, accessToken, ACCESS-TOKEN2 and accesstoken are one name. It matches a key that ends with it at the
# start of a word: token matches push_token, but not tokenizer. The longest match counts.
#   =name   matches the whole key only
#   ~name   matches the end of a word too: mytoken
#   *name   matches anywhere in a key: homephone_checked
#   ^name   matches a key that begins with it, too: French and Kinyarwanda say first what a thing is, and then whose.
#           It comes before names that match an end: ijambobanga_rya_email
# A key that matches nothing is tried again without the qualifiers at its end, and as a singular.

qualifier: again check confirm confirmation confirmed confirmer current encrypted field hash new nouveau old
qualifier: b64 digest encoded hashed header no num number salted str string
qualifier: plain plaintext previous primary repeat repeated retype text value verify
qualifier: admin compte dev gmail live momo prod production sandbox staging test wifi

# Credentials: withheld from the store, masked everywhere.
secret: ~access_key ~access_token ~api_key ~apikeys ~private_key ~secret ~secret_key ~token account_key aes_key
secret: anon_key apns_key app_key appsecret_proof application_key auth auth_key authorization backup_codes bearer
secret: cipher_key ^cle_api ^cle_chiffrement ^cle_d_acces ^cle_de_chiffrement ^cle_de_signature ^cle_privee
secret: ^cle_secrete ^clef_api ^clef_chiffrement ^clef_d_acces ^clef_de_chiffrement ^clef_de_signature ^clef_privee
secret: ^clef_secrete client_key connection_string consumer_key cookie cookies credential credentials deploy_key dsn
secret: encryption_key hmac_key ^jeton jeton_d_acces jwt keystore_pass license_key master_key mnemonic oauth_verifier
secret: pem recovery_codes recovery_phrase data_key fcm_key fcm_server_key firebase_key gitlab_pat kms_key licence_key
secret: mfa_seed otp_seed pre_shared_key psk ^phrase_de_recuperation reponse_secrete secret_client secret_key_base
secret: secret_phrase server_key totp_seed wallet_key redaction_key sas_token secrets seed_phrase service_key
secret: service_role service_role_key session_cookie connect_sid gitlab_session jsessionid laravel_session phpsessid
secret: rack_session session_key shared_access_key shared_key signature signature_256 signing_key ssh_key
secret: storage_account_key subscription_key ^urufunguzo_rw_ibanga ^urufunguzo_rwa_api webhook_secret secret_answer
secret: security_answer anthropic_key aws_key azure_key clave datadog_key fastly_key gemini_key github_key gitlab_key
secret: google_key groq_key heroku_key maps_key mailgun_key mistral_key okta_key openai_key sendgrid_key snyk_key
secret: sonar_key sonar_login stripe_key sumo_key supabase_key twilio_key twilio_sid_secret

# Passwords: as credentials, but in a text a short one counts too.
password: ^~ijambobanga ^~mot_de_passe ^~mot_passe ~passphrase ~passwd ~password ~passwords ~pwd ^ibanga
password: ibanga_ryanjye ^ijambo_banga ^ijambo_ryibanga ^ijambo_ry_ibanga ^ijambo_ry_banga ^mdp motdepass pass passe
password: ^phrase_de_passe ^phrase_secrete
# Passwords in the languages of neighbouring countries, and of accounts from abroad.
password: contrasena kennwort ^neno_la_siri ^nenosiri parola passwort senha wachtwoord

# One-time codes, PINs and card security codes: as credentials, also if they are numbers.
code: ~otp ~passcode 2fa_code access_code activation_code auth_code authorization_code authentication_code backup_code
code: agent_pin code_acces code_confidentiel email_code kode_ya_pin otp_code
code: ^umubare_banga ^umubare_wibanga card_verification_value code_confirmation code_d_acces code_d_activation
code: ^code_de_confirmation ^code_de_securite ^code_de_validation ^code_de_verification ^code_otp ^code_pin
code: ^code_secret code_securite ^code_sms code_validation code_verification confirm_code confirmation_code csc cvc
code: cvn cvv ^kode_y_ibanga ^kode_yo_kwemeza ^kode_yo_kwinjira login_code mfa mfa_code momo_pin mpin one_time_code
code: one_time_password one_time_pin pin pin_code ^pin_nshya ^pin_ya ^pin_yanjye ^pin_yawe pin_ya_momo puk puk_code
code: recovery_code reset_code secret_code security_code signin_code sms_code totp totp_code tpin two_factor_code
code: ^umubare_w_ibanga verification_code verify_code

# Links that give access, and raw content.
signed_url: image_url media_url presigned_url recording_url signed_url
media: base64 binary_data image_base64 image_data media_data

# Phone numbers: any digits.
phone: *cellphone *msisdn *phone *telephone ~mobile_number caller_id cell_number contact_hints contact_number
phone: destination_number fax gsm gsm_number handset momo_number mobile mobile_money_number mobile_no
phone: from_number nimero nimero_ya_telefone nimero_ya_telefoni numero numero_de_telephone numero_mobile
phone: numero_telephone numero_whatsapp originating_number portable recipient_id sender_number
phone: source_number sms_number subscriber_number tel telefone telefoni to_number wa_id wa_number whatsapp
phone: whatsapp_id whatsapp_number
# Names that hold a phone number in a webhook, and other values elsewhere: only digits count, if they are not a time.
digits: =author =called =callee =caller =cell =contact =from =input =mobile_id =participant =receiver =recipient
digits: =remote_party =sender =to =user from_user from_user_id parent_user_id recipient_user_id to_user_id user_id
digits: =customer =payee =payer forwarded_from participant_id party_id recipient_participant_id sender_id

# People.
person: account_holder amazina author_name beneficiary_name caller_name cardholder cardholder_name client_name
person: contact_name customer_name display_name doctor doctor_name family_name father_name first_name
person: formatted_name full_name given_name holder_name izina izina_ry_umukiriya last_name maiden_name middle_name
person: mother_name next_of_kin nickname nom nom_complet nom_de_famille nom_du_client owner_name patient
person: patient_full_name patient_name person_name prenom prescriber prescriber_name profile_name push_name
person: receiver_name recipient_name sender_name spouse_name surname user_full_name user_name
address: =address =adresse address_line aderesi adresse_de_livraison adresse_domicile adresse_du_client aho_atuye
address: billing_address client_address customer_address delivery_address home_address mailing_address
address: physical_address postal_address residential_address shipping_address street street_address
birth_date: amavuko birth_date birth_day birth_year born_on date_de_naissance date_of_birth
birth_date: ddn dob itariki_y_amavuko naissance year_of_birth
health: allergie allergy blood_group blood_type diagnosis diagnoses disease groupe_sanguin grossesse
health: diagnosis_code health_condition hiv_status illness imiti indwara maladie medical_condition medical_history
health: medical_record medicament medication ordonnance pregnancy pregnant prescription symptom symptome
health: treatment uburwayi ubwandu umuti viral_load
email: courriel email email_address imeyili mail_address
national_id: id_card_number indangamuntu irangamuntu national_id national_id_number nid numero_d_identite
national_id: passport passport_no passport_number

# Whole messages and documents. Log lines never show them; elsewhere their parts are searched.
payload: =full_text =ocr_text =raw =raw_text =text_full bind_params body db_params payload query_params

# Names that end like one of these, but mean something else.
plain: max_token min_token next_of_kin_count num_token per_token phone_id phone_model
plain: phone_number_id phone_type token_count total_token trace_token
`;

export const SECRET_PREFIXES = String.raw`
# Beginnings of providers' keys and tokens. One table serves all texts. An exact copy is in
# examples/typescript/names.mjs, and a test compares the two.
#
# "prefix length class [part]": the shortest length of the whole key (=N: the only one), the class of the rest, and a
# part that must stand in it. Classes: any is base64, dots and dashes; rand is any with a digit; alnum, hex and upper
# (capitals and digits) describe the rest up to that length; mixed has a digit, a capital and a small letter.

# gitleaks, config/gitleaks.toml
A3- 34 rand
ops_eyJ 100 any
p8e- 36 alnum
AGE-SECRET-KEY-1 40 any
pat 72 rand .
LTAI 20 alnum
AKCp 60 any
cmVmd 60 any
ATATT3 60 any
sc_ 50 rand .acc
ext_ 50 rand .acc
scauth_ 50 rand .acc
authress_ 50 rand .acc
A3T 20 upper
AKIA 16 upper
ASIA 16 upper
ABIA 20 upper
ACCA 20 upper
ABSK 60 any
bedrock-api-key- 30 any
4b1d =42 alnum
CLOJARS_ 50 any
v1.0- 100 rand
dapi 36 hex
dnkey- 60 any
doo_v1_ 30 any
dop_v1_ 30 any
dor_v1_ 30 any
dp.pt. 30 any
sl. 100 rand
duffel_live_ 40 any
duffel_test_ 40 any
dt0c01. 60 any
EZAK 40 any
EZTK 40 any
EAA 30 any
FLWSECK 16 any
FLWPUBK 40 any
fo1_ 40 any
fm1a_ 60 any
fm1r_ 60 any
fm2_ 60 any
fio-u- 40 any
AIza 30 any
ghu_ 20 any
ghs_ 20 any
gho_ 20 any
ghp_ 20 any
ghr_ 20 any
github_pat_ 30 any
glagent- 20 any
glcbt- 20 any
gldt- 20 any
glffct- 20 any
glft- 20 any
glimt- 20 any
gloas- 20 any
glpat- 20 any
glptt- 20 any
glrt- 20 any
glsoat- 20 any
GR1348941 25 any
live_ 40 hex
test_ 40 hex
live_pub_ 40 hex
test_pub_ 40 hex
eyJrIjoi 48 any
glc_ 36 any
glsa_ 40 any
sat. 72 rand
atlasv1. 60 any
HRKU-AA 40 any
hf_ 20 rand
hf_ 36 any
api_org_ 40 any
ico- 36 rand
s-s4t2ud- 60 any
s-s4t2af- 60 any
ZXlK 80 any
lin_api_ 30 any
key- =36 hex
pubkey- =39 hex
pk. 80 rand
sk. 80 rand
NRAK- 24 any
NRII- 24 any
NRJS- 24 any
ntn_ 40 any
npm_ 30 any
API- 30 upper
sk- 16 any
sha256~ 40 any
pplx- 40 any
access-development- 45 any
access-production- 45 any
access-sandbox- 40 any
pscale_oauth_ 30 any
pscale_pw_ 30 any
pscale_tkn_ 30 any
PMAK- 50 any
pnu_ 36 any
pul- 44 hex
pypi- 40 any
rdme_ 60 any
rubygems_ 40 any
tk-us- 40 rand
SG. 40 any
xkeysib- 30 any
sntrys_ 20 any
sntryu_ 20 any
sm_aat_ 20 any
sm_pat_ 20 any
sm_sat_ 20 any
shippo_live_ 40 any
shippo_test_ 40 any
shpat_ 20 any
shpca_ 20 any
shppa_ 20 any
shpss_ 20 any
xapp- 16 any
xoxa- 16 any
xoxb- 16 any
xoxe- 16 any
xoxe. 16 any
xoxo- 16 any
xoxp- 16 any
xoxr- 16 any
xoxs- 16 any
sgp_ 40 any
sq0atp- 25 any
sk_live_ 16 any
sk_prod_ 16 any
sk_test_ 16 any
rk_live_ 16 any
rk_prod_ 16 any
rk_test_ 16 any
SK 34 hex
AAAAAAAAAAAAAAAAAAAAAA 80 any
tfp_ 40 any
hvb. 60 any
hvs. 30 any
s. =26 mixed
t1. 80 rand
AQVN 38 any

# betterleaks, config/betterleaks.toml, and formats of providers that neither rule set has
AIK_CLIENT_ 30 alnum
apify_api_ 40 alnum
aact_prod_ 30 any
aact_hmlg_ 30 any
BBDC- 36 any
BSA 27 mixed
gcntfy- 60 any
cnvca 50 any
sk_car_ 24 any
csk- 44 rand
sk_ 32 rand
pk_ 37 alnum
csa_ 40 alnum
CCDB1_ 60 any
configcat-sdk-1/ 50 any
cio =35 mixed
key_ 32 hex
db- =32 mixed
AstraCS: 26 any
ddo_ 36 alnum
ddp_ 36 alnum
dvc_client_ 19 any
dvc_mobile_ 19 any
dvc_server_ 19 any
apk_ 60 rand
cog_ 50 alnum
SWMTKN-1- 70 any
SWMKEY-1- 45 any
essu_ 60 any
endr+ 21 alnum
EXO 27 mixed
ion_ 44 alnum
lbx_ 46 any
rma_ 46 any
pk-lf- 40 any
cli_ =20 mixed
lip_ 22 mixed
llx- 46 alnum
mlsn. 34 any
m0- 27 mixed
mercury_production_ 60 any
mergify_application_key_ 60 any
Mid-client- 20 any
Mid-server- 20 any
eyJtaXJv 30 any
mdb_sa_id_ 34 hex
napi_ 60 alnum
oy2 =46 alnum
nyk_ 60 alnum
os_v2_app_ 80 any
os_v2_org_ 80 any
api_live. 29 any
api_live_ca. 32 any
api_live_us. 32 any
pdl_live_apikey_ 60 any
pdl_sdbx_apikey_ 60 any
persona_production_ 38 any
persona_sandbox_ 36 any
pina_ 26 mixed
polar_at_ 29 any
polar_oat_ 30 any
polar_pat_ 30 any
phc_ 44 any
prf_ 24 mixed
apikey_ 60 hex
ramp_id_ 44 alnum
ramp_sec_ 50 alnum
rnd_ =32 mixed
re_ =36 mixed _
rootly_ 60 hex
samsara_api_ 36 alnum
xoxc- 40 any
xoxd- 60 any
tss_ 24 mixed
tgp_v1_ 45 any
unkey_ 26 mixed
ucat_ 28 mixed
vtwn_ 25 mixed
vca_ 56 any
vci_ 56 any
vck_ 56 any
vcp_ 56 any
vcr_ 56 any
waka_ 40 rand
wandb_v1_ 70 any
ck_ =43 hex
cs_ =43 hex
xnd_development_ 60 alnum
xnd_production_ 60 alnum
1000. 60 rand .
zpka_ 44 any
KEY01 50 any
AIK_CI_ 27 any
AIK_SECRET_ 40 any
STS. 20 rand
ATBB 30 any
ATCTT3 60 any
bkua_ 30 any
CCIPAT_ 40 any
dckr_oat_ 25 any
dckr_pat_ 25 any
dp.audit. 30 any
dp.ct. 30 any
dp.scim. 30 any
dp.st. 30 any
fc- 35 hex
figd_ 30 any
gsk_ 20 any
jina_ 40 any
lsv2_pt_ 40 any
lsv2_sk_ 40 any
mdb_sa_sk_ 30 any
nfp_ 30 any
nvapi- 40 any
pcsk_ 40 any
phx_ 30 any
r8_ 30 any
rpa_ 30 any
rzp_live_ 20 any
rzp_test_ 20 any
secret_ 46 mixed
sk-lf- 30 any
sq0csp- 25 any
sq0idp- 25 any
tskey- 25 any
tvly- 20 any
vercel_blob_rw_ 30 any
xai- 24 any
xsmtpsib- 30 any

# Formats of providers that neither rule set has
amzn.mws. 40 any
GOCSPX- 20 any
pat-eu1- 40 any
pat-na1- 40 any
pk_live_ 16 any
pk_test_ 24 any
sb_secret_ 16 any
sbp_ 16 any
whsec_ 16 any
ya29. 20 any

# Africa's Talking and Google Gemini, as their consoles give them out
atsk_ 40 any
AQ.Ab8RN6 30 any

# golang.org/x/mod/sumdb/note, and this library's signing keys
PRIVATE+KEY+ 60 any
`;

export const LETTERS = String.raw`
# Letters of Latin scripts, and Greek and Cyrillic letters that look like them, after what they are compared as. An exact
# copy is in examples/typescript/names.mjs, and a test compares the two.
a àáâãäåāăąǎǟǡǻȁȃȧḁẚạảấầẩẫậắằẳẵặªаα
ae æǣǽ
b ƀɓḃḅḇ
c çćĉċčƈḉс
d ďđðɖɗḋḍḏḑḓ
e èéêëēĕėęěȅȇȩɛḕḗḙḛḝẹẻẽếềểễệеёε
f ƒḟ
ff ﬀ
fi ﬁ
fl ﬂ
g ĝğġģǥǧǵɠḡ
h ĥħȟḣḥḧḩḫẖһ
i ìíîïĩīĭįıǐȉȋɨḭḯỉịіїι
ij ĳ
j ĵǰȷј
k ķĸƙǩḱḳḵкκ
l ĺļľŀłƚḷḹḻḽӏ
m ḿṁṃм
n ñńņňŉŋǹɲṅṇṉṋ
o òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱɔṍṏṑṓọỏốồổỗộớờởỡợºоο
oe œ
p ƥṕṗрρ
r ŕŗřȑȓṙṛṝṟ
s śŝşšșſṡṣṥṧṩѕ
ss ß
t ţťŧƭțṫṭṯṱẗтτ
th þ
u ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữựυ
v ṽṿν
w ŵẁẃẅẇẉẘ
x ẋẍхχ
y ýÿŷƴȳẏẙỳỵỷỹуγ
z źżžƶẑẓẕ
`;

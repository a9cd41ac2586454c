# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that their shape alone gives away: what a provider puts before its tokens, or how they are built."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from .judge import is_generated, is_mixed, is_varied
from .rule import Rule, Span, pattern_rule

# Not in the middle of a word; marks may stand between, as in a diff and in what is emphasized.
_BEGIN = r"(?<![A-Za-z0-9])(?<![A-Za-z0-9][_.-])"
_END = r"(?![_.~-]{0,2}[A-Za-z0-9])"


def _token(name: str, body: str, *needles: str) -> Rule:
    """A provider's token: a fixed prefix, not in the middle of a word."""
    return pattern_rule(name, rf"(?<![A-Za-z0-9])(?:{body})", *needles, is_token=True)


# --- a prefix, then random characters -------------------------------------------------------------------------------

# By what follows the prefix at least. What a provider's public ids begin with is not here.
_PREFIXES: dict[str, int] = {
    prefix: least
    for least, prefixes in (
        (40, """
            al- pa-"""),
        (12, """
            AIK_CI_ AIK_SECRET_ dvc_client_ dvc_mobile_ dvc_server_ fal_ fc- FLWSECK- FLWSECK_TEST- lip_ m0-
            sm_aat_ sm_pat_ sm_sat_ unkey_"""),
        (20, """
            A3- aio_ akp_ API- apify_ apk_ atlas_ BBDC- BBFF- bkaa_ bkaj_ bkar_ bkct_ bkpat_ bkps_ bkpt_ bkua_
            BSA_ bws_ c2c_ CCDB1_ CCIPAT_ CCIPRJ_ cfat_ cfk_ CFPAT- cfut_ clk_ CLOJARS_ CNTRL- cog_ cpln_ crsr_
            cs_ csa_ csk- ctx7sk- dd-api- ddo_ ddp_ ddw_ dnkey- doo_ dop_ dor_ duffel_ e2b_ essu_
            exa_ fact_ fig_ figd_ figdr_ figo_ fio-u- flb_live_ fm1_ fm2_ fo1_ gcntfy- ghcr_ gla_ glagent-
            glffct- gloas- glrtr- gltok- glwt- gsk_ hcp_ helo_ hf_ hfo_ HRKU- ico- infisical_ inngest_ ion_
            ionos_ ist_ jina_ kmm_ lg_ lin_ lin_oauth_ linkup_ llx- lsv2_ mb_ mdb_sa_sk_ mercury_ mergify_ mgp_
            mlsn- napi_ nbl_ neon_ netlify_ nfc_ nfo_ nfp_ nfu_ npm_ NRAA- NRAK- NRII- NRJS- ntn_ nvapi- nvapi_
            nyk_ op_ ops_ os_v2_ packagist_ pat-eu1- pat-na1- pcsk_ pdl_ pearson_ persona_ phe_ phr_ phs_
            phx_ pina_ pit- plaid_ PMAT- pnu_ polar_ porter_ posthog_ PRD- prf_ pscale_ pul- pypi- qstash_ r8_
            ramp_ rdme_ render_ rk_ rnd_ rootly_ rpa_ rubygems_ s-s4t2af- s-s4t2ud- samsara_ sb_secret_ sbp_
            sbs_ scw_ secret_ sgp_ shippo_ shltm_ shpat_ shpca_ shppa_ shpss_ shptka_ shpua_ sk- sk_ skl_
            sntrya_ sntryi_ sntrys_ sntryu_ snyk_ sonar_ sq0atp- sq0csp- sqa_ sqp_ squ_ ssapi_ stk_ stytch_ svc_
            SWMKEY- SWMTKN- tfp_ tgp_ thv_ tk-us- tkn_ together_ tok_ tr_dev_ tr_prod_ trigger_ tskey- tss_
            tvly- ucat_ upak_ ust_ v0_ vc_ vca_ vci_ vck_ vcp_ vcr_ vercel_ vtwn_ waka_ wandb_ wh_ whsec_ wpa_
            wrka- xai- xkeysib- xnd_ xsmtpsib- zpat_ zpka_"""),
    )
    for prefix in prefixes.split()
}
# Words that say what the rest is, wherever a provider has them in its prefix: acme_pat_..., new-sk-live-...
_TELLING = frozenset((
    "api", "apikey", "auth", "authkey", "key", "pat", "ptk", "sak", "sat", "secret", "sk", "tkn", "tok", "token",
))  # fmt: skip
_PUBLIC = frozenset(("anon", "digest", "hash", "id", "pk", "pub", "public", "publishable", "sha"))
_WORD = re.compile(r"(?<![A-Za-z0-9_-])[_-]*[A-Za-z0-9]{1,64}[_-][A-Za-z0-9_+/=-]{8,4096}")
_SEGMENT = re.compile(r"[A-Za-z0-9]+[_-]")
_NOT_ALNUM = re.compile("[^A-Za-z0-9]")
_MOST_SEGMENTS = 12
# Of a prefix: mdb_sa_sk_
_LONGEST_PREFIX = 3
_TELLING_LEAST = 24


def _prefix(word: str) -> tuple[int, int] | None:
    """Where a known prefix begins in a word and what must follow it at least, or None."""
    starts: list[int] = []
    for match in _SEGMENT.finditer(word, 0, 96):
        starts.append(match.start())
        end = match.end()
        for start in starts[-_LONGEST_PREFIX:]:
            least = _PREFIXES.get(word[start:end])
            if least and _is_body(word[end:], least):
                return start, end
        if match[0].rstrip("_-").lower() in _TELLING and _is_telling_body(word[end:]):
            heads = word[:end].lower().replace("-", "_").split("_")
            if not _PUBLIC.intersection(heads) and all(len(head) <= 12 for head in heads):
                return starts[0], end
        if len(starts) > _MOST_SEGMENTS:
            break
    return None


def _is_body(body: str, least: int) -> bool:
    if len(body) < least:
        return False
    solid = max(_NOT_ALNUM.split(body), key=len)
    return is_generated(body, 12) or (len(solid) >= 16 and is_varied(solid))


def _is_telling_body(body: str) -> bool:
    solid = max(_NOT_ALNUM.split(body), key=len)
    return len(solid) >= _TELLING_LEAST and is_generated(solid, _TELLING_LEAST)


def _find_prefixed(text: str) -> Iterator[Span]:
    for match in _WORD.finditer(text):
        found = _prefix(match[0])
        if found:
            yield match.start() + found[0], match.end()


# --- base64 of a secret ---------------------------------------------------------------------------------------------

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])(?<![A-Za-z0-9+/=][_-])[A-Za-z0-9+/]{24,65536}={0,2}")


def decoded(word: str) -> str | None:
    """The text that base64 hides, or None if it is something else than text.

    :param word: at least 24 characters of base64, with or without its padding.
    """
    word = word.rstrip("=")
    head = base64.b64decode(word[:24])
    if not head.isascii() or not _is_text(head):
        return None
    data = base64.b64decode(word[: len(word) - len(word) % 4] + _rest(word))
    return data.decode("ascii") if data.isascii() and _is_text(data) else None


def _rest(word: str) -> str:
    rest = word[len(word) - len(word) % 4 :]
    return rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""


def _is_text(data: bytes) -> bool:
    return not data.translate(None, bytes(range(32, 127)) + b"\n\r\t")


def base64_rule(rules: tuple[Rule, ...]) -> Rule:
    """Words that hide, in base64, what one of these rules finds. The whole word is the secret."""

    def find(text: str) -> Iterator[Span]:
        for match in _BASE64.finditer(text):
            hidden = decoded(match[0])
            if hidden is not None:
                lowered = hidden.lower()
                for rule in rules:
                    if any(needle in lowered for needle in rule.needles) and next(rule.find(hidden), None):
                        yield match.span()
                        break

    return Rule("base64", _BASE64.pattern, ("",), find, is_token=True)


# --- the list -------------------------------------------------------------------------------------------------------


def _is_coder_token(match: re.Match[str]) -> bool:
    secret = match[0][11:]
    return sum(map(str.isupper, secret)) >= 2 and sum(map(str.islower, secret)) >= 2


def _is_random(match: re.Match[str]) -> bool:
    body = match[0].partition("-")[2] or match[0]
    return is_generated(body, 12) or is_mixed(body)


_PREFIXED = Rule(
    "api-token", " ".join([*sorted(_PREFIXES), *sorted(_TELLING), *sorted(_PUBLIC)]), ("_", "-"), _find_prefixed, True
)

# In order of preference: where two rules cover the same characters, the first one names the secret.
TOKENS: tuple[Rule, ...] = (
    _token("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{20,512}", "sk-ant-"),
    _token("openrouter-key", r"sk-or-v[0-9]-[0-9a-f]{64}", "sk-or-"),
    _token("openai-key", r"sk-(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{20,512}|sk-[A-Za-z0-9]{32,64}",
           "sk-"),
    _token("github-token", r"gh[pousr]_(?:[A-Za-z0-9]{36,1024}"
           r"|[A-Za-z0-9]{1,24}_eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{2,8192}\.[A-Za-z0-9_-]{0,4096})",
           "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _token("github-token", r"github_pat_[A-Za-z0-9_]{50,255}", "github_pat_"),
    pattern_rule("gitlab-token", r"(?<![A-Za-z0-9])(?:gl[a-z]{2,8}-[A-Za-z0-9_-]{20,300}(?:\.[A-Za-z0-9_-]{2,300}){0,4}"
                 r"|GR1348941[A-Za-z0-9_-]{20})", "gl", "gr1348941", accept=_is_random, is_token=True),
    _token("aws-access-key", r"A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[A-Z2-7]{16}(?![A-Za-z0-9])",
           "akia", "asia", "abia", "acca", "a3t"),
    _token("aws-bedrock-key", r"ABSK[A-Za-z0-9+/]{100,300}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{40,2048}={0,2}",
           "absk", "bedrock-api-key-"),
    _token("google-key", r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_.-]{20,2048}"
           r"|AQ\.[A-Za-z0-9_-]{30,512}"
           r"|1//0[A-Za-z0-9_-]{40,512}", "aiza", "gocspx-", "ya29.", "aq.", "1//0"),
    _token("slack-token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9%+/=_-]{10,2048}|xapp-[0-9]-[A-Za-z0-9-]{10,255}"
           r"|xwfp-[A-Za-z0-9-]{20,255}",
           "xox", "xapp-", "xwfp-"),
    pattern_rule("slack-webhook",
                 r"hooks\.slack\.com/(?P<secret>(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,200})",
                 "hooks.slack.com", is_token=True),
    pattern_rule("discord-webhook", r"discord(?:app)?\.com/api/webhooks/(?P<secret>[0-9]{15,22}/[A-Za-z0-9_-]{50,100})",
                 "/api/webhooks/", is_token=True),
    pattern_rule("discord-token",
                 _BEGIN + r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}" + _END,
                 ".", accept=_is_random, is_token=True),
    pattern_rule("teams-webhook", r"\.webhook\.office\.com/(?P<secret>webhookb2/[A-Za-z0-9@/_-]{60,300})",
                 ".webhook.office.com",
                 is_token=True),
    _token("stripe-key", r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/]{24,128}={0,2}",
           "k_live_", "k_test_", "k_prod_", "whsec_"),
    _token("twilio-key", r"SK[0-9a-fA-F]{32}(?![0-9a-fA-F])", "sk"),
    _token("sendgrid-key", r"SG\.[A-Za-z0-9=_-]{16,32}\.[A-Za-z0-9=_.-]{32,64}", "sg."),
    _token("mailgun-key", r"key-[0-9a-f]{32}(?![0-9a-f])", "key-"),
    _token("npm-token", r"npm_[A-Za-z0-9]{36,64}", "npm_"),
    _token("pypi-token", r"pypi-AgE[A-Za-z0-9_-]{50,1024}", "pypi-age"),
    _token("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,128}", "dckr_"),
    _token("huggingface-token", r"(?:hf_|api_org_)[A-Za-z0-9]{30,64}", "hf_", "api_org_"),
    _token("ai-provider-key", r"gsk_[A-Za-z0-9]{40,64}|xai-[A-Za-z0-9_-]{60,128}|pplx-[A-Za-z0-9]{40,64}",
           "gsk_", "xai-", "pplx-"),
    _token("databricks-token", r"dapi[0-9a-f]{32}(?:-[0-9])?|dose[0-9a-f]{32}", "dapi", "dose"),
    _token("digitalocean-token", r"do[oprt]_v1_[0-9a-f]{64}", "_v1_"),
    _token("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{20,512}", "hvs.", "hvb.", "hvr."),
    _token("terraform-token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,80}", ".atlasv1."),
    _token("shopify-token", r"shp(?:at|ca|pa|ss|tka|ua)_[0-9a-fA-F]{32}",
           "shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_"),
    _token("atlassian-token", r"AT[ABC]TT3[A-Za-z0-9_=-]{50,512}|ATAT[A-Za-z0-9_=-]{100,512}", "tt3", "atat"),
    _token("jfrog-token", r"AKCp[A-Za-z0-9]{55,80}|cmVmd[A-Za-z0-9]{50,64}", "akcp", "cmvmd"),
    _token("airtable-token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat"),
    _token("fly-token", r"fm[12][a-z]?_[A-Za-z0-9+/=_,-]{40,4096}", "fm1", "fm2"),
    _token("tailscale-key", r"tskey-[a-z]{2,12}-[A-Za-z0-9]{8,40}(?:CNTRL)?-[A-Za-z0-9]{20,64}", "tskey-"),
    _token("square-token", r"EAAA[A-Za-z0-9_-]{55,64}|sq0[a-z]{3}-[A-Za-z0-9_-]{22,64}", "eaaa", "sq0"),
    _token("facebook-token", r"EAA[A-Z][A-Za-z0-9]{80,400}", "eaa"),
    _token("azure-secret", r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}" + _END, "7q~", "8q~"),
    _token("azure-key", r"[A-Za-z0-9]{42,76}(?:AzSe|AzCa|ACDb|AStT|AIoT|ARm[A-Za-z0-9])[A-Za-z0-9+/]{4,8}={0,2}"
           r"|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26,40}", "azse", "azca", "acdb", "astt", "aiot", "arm", "jqqj99"),
    pattern_rule("telegram-token", r"(?:(?<![A-Za-z0-9])|(?<=bot))[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
                 ":aa", is_token=True),
    _token("age-key", r"AGE-SECRET-KEY-(?:[A-Z]{2,8}-)?1[A-Z0-9]{58,4096}"
           r"|AGE-PLUGIN-[A-Z0-9]{1,20}-1[A-Z0-9]{20,400}",
           "age-secret-key-", "age-plugin-"),
    _token("grafana-token", r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_[A-Za-z0-9+/=]{32,400}"
           r"|eyJrIjoi[A-Za-z0-9+/]{40,400}={0,2}",
           "glsa_", "glc_", "eyjrijoi"),
    _token("saas-token", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}|ntn_[A-Za-z0-9]{40,64}|NRAK-[A-Z0-9]{27}"
           r"|PMAK-[0-9a-fA-F]{24}-[0-9a-fA-F]{34}|rubygems_[0-9a-f]{48}|sntry[suai]_[A-Za-z0-9+/=_-]{40,512}"
           r"|dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,64}"
           r"|dt0[a-z][0-9]{2}\.[A-Za-z0-9]{8,24}\.[A-Za-z0-9]{64}|ops_eyJ[A-Za-z0-9+/]{200,2048}={0,3}"
           r"|eyJtaXJv[A-Za-z0-9_-]{30,200}|wrka[a-z]{0,2}-eyJ[A-Za-z0-9_.-]{80,2048}|mlsn\.[A-Za-z0-9]{30,100}"
           r"|tkn\.v1_[A-Za-z0-9]{60,80}={0,2}"
           r"|AstraCS:[A-Za-z0-9:]{20,128}|sha256~[A-Za-z0-9_-]{43}|api_live(?:_[a-z]{2})?\.[A-Za-z0-9_-]{20,80}"
           r"|configcat-sdk-1/[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}|v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"
           r"|(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}",
           "lin_", "ntn_", "nrak-", "pmak-", "rubygems_", "sntry", "dp.", "dt0", "mlsn.", "tkn.v1_", "astracs:",
           "sha256~",
           "api_live", "configcat-sdk-1/", "v1.0-", ".acc", "ops_eyj", "eyjtaxjv", "wrka"),
    # No prefix of a whole word: what is fixed is a few characters, a length and an alphabet.
    _token("saas-token", r"p8e-[A-Za-z0-9]{32}|cnvca[A-Za-z0-9_-]{51}|EZ[AT]K[A-Za-z0-9]{54}|4b1d[A-Za-z0-9]{38}"
           r"|(?:pat|sat)\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}|[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"
           r"|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}|00[A-Za-z0-9]{13}![A-Za-z0-9._-]{80,260}"
           r"|KEY[0-9A-F]{32}_[A-Za-z0-9]{22}|oy2[a-z0-9]{43}(?![A-Za-z0-9])"
           r"|[0-9a-fA-F]{32}\.[A-Za-z0-9]{16}(?![A-Za-z0-9.])|key_[0-9a-f]{28}(?![0-9a-f])"
           r"|pk_[0-9]{7,9}_[A-Z0-9]{32}"
           r"|sk_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
           r"|VF\.(?:[DW][MS]\.)?[0-9a-fA-F]{24}\.[A-Za-z0-9]{16}",
           "p8e-", "cnvca", "ezak", "eztk", "4b1d", ".", "_mmk", "re_", "!", "key", "oy2", "pk_", "sk"),
    pattern_rule("saas-token", _BEGIN + r"(?:BSA[A-Za-z0-9_-]{24,40}|EXO[A-Za-z0-9]{24,30}"
                 r"|s\.[A-Za-z0-9]{24}"
                 r"|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"
                 r"|\$aact_[a-z]{4}_[A-Za-z0-9_-]{20,200}"
                 r"|[A-Za-z0-9+/]{22}==:[A-Za-z0-9]{32})(?![A-Za-z0-9_-])",
                 "bsa", "exo", "s.", "a3-", "$aact_", "==:", accept=lambda match: is_mixed(match[0][3:]),
                 is_token=True),
    pattern_rule("jwt",
                 _BEGIN + r"eyJ[A-Za-z0-9_-]{8,4096}\.(?:eyJ[A-Za-z0-9_-]{2,16384}\.[A-Za-z0-9_-]{0,4096}"
                 r"|[A-Za-z0-9_-]{0,1024}\.[A-Za-z0-9_-]{8,64}\.[A-Za-z0-9_-]{2,16384}\.[A-Za-z0-9_-]{16,64})",
                 "eyj", is_token=True),
    pattern_rule("coder-token",
                 r"(?<![A-Za-z0-9])(?<![A-Za-z0-9]-)[A-Za-z0-9]{10}-[A-Za-z0-9]{22}(?!-?[A-Za-z0-9])", "-",
                 accept=_is_coder_token, is_token=True),
    _PREFIXED,
)

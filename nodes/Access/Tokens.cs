using System.Collections.Immutable;
using System.Security.Cryptography;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Cli;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Athanor.Nodes.Access;

/// <summary>
/// Bearer tokens (JWT, RFC 7519). Two issuers are known: this cluster itself, whose key lies in <c>tokens.pem</c> beside the other keys
/// (<c>athanor access token</c> signs with it), and one other whose public keys the configuration names. Only asymmetric signatures are taken,
/// so that nobody who can check a token can make one. Claims: <c>sub</c>, <c>tenant</c> (one or several), <c>roles</c>, <c>exp</c>, <c>jti</c>.
/// </summary>
internal sealed class Tokens
{
    public const string OwnIssuer = "athanor";
    public const string KeyFile = "tokens.pem";

    private static readonly string[] Algorithms =
        [SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSsaPssSha256];

    private readonly TokenOptions _options;
    private readonly string _ownKey;
    private readonly TimeProvider _time;
    private readonly IReadOnlyList<SecurityKey> _foreign;

    /// <exception cref="UserException">The file of the other issuer's keys cannot be used.</exception>
    public Tokens(TokenOptions options, string keysDirectory, TimeProvider time)
    {
        _options = options;
        _ownKey = Path.Combine(keysDirectory, KeyFile);
        _time = time;
        _foreign = options.Keys == "" ? [] : ReadKeys(options.Keys);
    }

    /// <summary>A token of this cluster's own; its key is made if there is none.</summary>
    public static string Issue(
        string keysDirectory, string audience, string subject, IReadOnlyList<string> tenants, IReadOnlyList<string> roles, DateTimeOffset now, TimeSpan lifetime)
    {
        var file = Path.Combine(keysDirectory, KeyFile);
        if (!File.Exists(file))
        {
            Directory.CreateDirectory(keysDirectory);
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            PrivateFile.Write(file, made.ExportPkcs8PrivateKeyPem() + "\n");
        }
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(file));
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = OwnIssuer,
            Audience = audience,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = (now + lifetime).UtcDateTime,
            Claims = new Dictionary<string, object>
            {
                ["sub"] = subject,
                ["jti"] = Guid.NewGuid().ToString("N"),
                ["tenant"] = tenants.ToArray(),
                ["roles"] = roles.ToArray(),
            },
            // No cache of providers: this key is disposed with this call.
            SigningCredentials = new SigningCredentials(
                new ECDsaSecurityKey(key) { CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false } },
                SecurityAlgorithms.EcdsaSha256),
        });
    }

    /// <summary>Who holds a token, or why it is not taken. The reason never repeats the token.</summary>
    public async Task<(Principal? Principal, string Why)> Check(string token, AccessList list)
    {
        using var own = OwnKey();
        var keys = own is null ? _foreign : [.. _foreign, new ECDsaSecurityKey(own) { CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false } }];
        if (keys.Count == 0) return (null, "this cluster takes no tokens: it has issued none, and access.tokens.keys is empty");
        var result = await new JsonWebTokenHandler { MapInboundClaims = false }.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuers = _options.Issuer == "" ? [OwnIssuer] : [OwnIssuer, _options.Issuer],
            ValidAudience = _options.Audience,
            IssuerSigningKeyResolver = (_, parsed, _, _) => parsed.Issuer == OwnIssuer ? keys.Skip(_foreign.Count) : _foreign,
            ValidAlgorithms = Algorithms,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            // In place of the library's: by the clock that everything here goes by.
            LifetimeValidator = (from, until, _, _) => Lives(from, until),
        });
        if (!result.IsValid) return (null, Reason(result.Exception));
        var identity = result.ClaimsIdentity;
        if (identity.FindFirst("sub")?.Value is not { Length: > 0 } subject) return (null, "the token names nobody (sub)");
        if (identity.FindFirst("jti")?.Value is { } id && list.RevokedTokens.Contains(id)) return (null, $"the token {id} was revoked");
        var roles = Role.None;
        foreach (var name in identity.FindAll("roles").SelectMany(c => c.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            // An issuer may know roles of other programs.
            roles |= Roles.TryParse(name) ?? Role.None;
        }
        ImmutableArray<string> tenants = [.. identity.FindAll("tenant").Select(static c => c.Value)];
        if (tenants.IsEmpty) return (null, "the token names no tenant (tenant)");
        var issuer = ((JsonWebToken)result.SecurityToken).Issuer;
        return (new Principal(issuer == OwnIssuer ? $"token:{subject}" : $"token:{subject}@{issuer}", tenants, roles), "");
    }

    private bool Lives(DateTime? from, DateTime? until)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        if (until is not { } end || end + _options.ClockSkew < now) throw new SecurityTokenExpiredException();
        if (from is { } begin && begin - _options.ClockSkew > now) throw new SecurityTokenNotYetValidException();
        if (end - now > _options.Longest) throw new SecurityTokenInvalidLifetimeException();
        return true;
    }

    private string Reason(Exception e) => e switch
    {
        SecurityTokenExpiredException => "the token has expired; get a new one",
        SecurityTokenNotYetValidException => "the token is not valid yet; compare the clocks",
        SecurityTokenInvalidLifetimeException => $"the token would live longer than access.tokens.longest, {_options.Longest}",
        SecurityTokenInvalidAudienceException => $"the token is for another audience than '{_options.Audience}'",
        SecurityTokenInvalidIssuerException => "the token is by an issuer that this cluster does not know",
        SecurityTokenInvalidAlgorithmException => $"the token is signed by an algorithm that is not taken; {string.Join(", ", Algorithms)} are",
        SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException => "the token is not signed by a key that this cluster knows",
        _ => "the bearer token is no token of three parts in base64url",
    };

    private ECDsa? OwnKey()
    {
        if (!File.Exists(_ownKey)) return null;
        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(_ownKey));
        return key;
    }

    /// <summary>Public keys of the other issuer: a JSON Web Key Set, or PEM.</summary>
    private static IReadOnlyList<SecurityKey> ReadKeys(string path)
    {
        try
        {
            var text = File.ReadAllText(path);
            if (text.TrimStart().StartsWith('{')) return [.. new JsonWebKeySet(text).GetSigningKeys()];
            if (text.Contains("PRIVATE KEY", StringComparison.Ordinal))
                throw new UserException($"access.tokens.keys: {path} holds a private key; give the issuer's public key");
            try
            {
                var rsa = RSA.Create();
                rsa.ImportFromPem(text);
                return [new RsaSecurityKey(rsa)];
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                var ec = ECDsa.Create();
                ec.ImportFromPem(text);
                return [new ECDsaSecurityKey(ec)];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new UserException($"access.tokens.keys: {path} is neither a JSON Web Key Set nor a public key in PEM ({e.Message})");
        }
    }
}

using System.Net;
using System.Security.Cryptography;
using Athanor.Hosting.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Athanor.Hosting.Transport;

/// <summary>
/// This node's identity as the files say it now. They are looked at again when somebody asks and the last look is older than
/// <c>reload-every</c>. Files that cannot be used (half written, expired) leave what was before, and say so in the log: a mistake in
/// a file must not take a running node down, and the peers judge an old certificate by themselves.
/// </summary>
internal sealed class TransportIdentities
{
    private readonly TransportOptions _options;
    private readonly string _node;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private CertificateFiles? _files;
    private volatile TransportIdentity? _current;
    private long _looked;
    private string? _problem;

    private TransportIdentities(TransportOptions options, string node, TimeProvider time, ILogger log) =>
        (_options, _node, _time, _log) = (options, node, time, log);

    /// <exception cref="ConfigurationException">The files are not those of this node, or there are none and the address is no
    /// loopback address.</exception>
    public static TransportIdentities Open(TransportOptions options, string node, TimeProvider time, ILogger log)
    {
        var identities = new TransportIdentities(options, node, time, log);
        if (options.Certificate == "")
        {
            if (TransportRules.AddressOf(options) is not { } address || !IPAddress.IsLoopback(address))
            {
                throw new ConfigurationException(
                    $"athanor.transport.address: {options.Address} can be reached from other machines, and whoever reaches it could ask "
                    + "everything: set athanor.transport.certificate, key and authority "
                    + "('athanor certificates' makes them), or listen on 127.0.0.1");
            }
            return identities;
        }
        try
        {
            identities._files = CertificateFiles.Read(options);
            identities._current = TransportIdentity.Read(options, identities._files, node, time.GetUtcNow(), 1);
            identities._looked = time.GetTimestamp();
        }
        catch (Exception e) when (e is IOException or CryptographicException)
        {
            throw new ConfigurationException(e.Message, e);
        }
        identities.WarnOfAge();
        return identities;
    }

    /// <summary>An identity that no file changes.</summary>
    internal static TransportIdentities Fixed(TransportIdentity identity, TimeProvider time) =>
        new(new TransportOptions { ReloadEvery = TimeSpan.MaxValue }, "", time, NullLogger.Instance) { _current = identity };

    /// <summary>Null if this node has no certificate: then it speaks to nobody but this machine.</summary>
    public TransportIdentity? Current
    {
        get
        {
            var current = _current;
            if (current is null || _time.GetElapsedTime(Volatile.Read(ref _looked)) < _options.ReloadEvery) return current;
            // One looks, the others go on with what there is.
            if (!_gate.TryEnter()) return current;
            try
            {
                if (_time.GetElapsedTime(_looked) >= _options.ReloadEvery) Look(current);
            }
            finally
            {
                _gate.Exit();
            }
            return _current;
        }
    }

    private void Look(TransportIdentity current)
    {
        Volatile.Write(ref _looked, _time.GetTimestamp());
        try
        {
            var files = CertificateFiles.Read(_options);
            if (files.IsSame(_files!) && _problem is null) return;
            _current = TransportIdentity.Read(_options, files, _node, _time.GetUtcNow(), current.Generation + 1);
            _files = files;
            _problem = null;
            TransportLog.Reloaded(_log, _options.Certificate);
            WarnOfAge();
        }
        catch (Exception e) when (e is IOException or CryptographicException)
        {
            if (e.Message != _problem) TransportLog.ReloadFailed(_log, e.Message);
            _problem = e.Message;
        }
    }

    // A list that is too old still counts: without it, more would be let in, and a cluster must not end because nobody made a new one.
    private void WarnOfAge()
    {
        if (_current!.Revoked.NextUpdate is { } next && next < _time.GetUtcNow())
            TransportLog.OldRevocationList(_log, _options.RevocationList, next);
    }
}

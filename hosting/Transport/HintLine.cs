using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Athanor.Hosting.Transport;

/// <summary>Sends hints to one node.</summary>
internal delegate Task HintSender(string node, string address, int[] shards, CancellationToken cancellation);

/// <summary>
/// Hints to one node. States: quiet, sending, down. While one hint is on its way, shards that are hinted at are gathered, and go together
/// in the next. After one that failed the line is down for a while: what is gathered and what comes is dropped, which costs the receiver
/// a poll. Whoever hints never waits and never sees a failure.
/// </summary>
internal sealed class HintLine(string node, HintSender send, TimeSpan timeout, TimeProvider time, ILogger log)
{
    private readonly Lock _gate = new();
    private readonly HashSet<int> _waiting = [];
    private string _address = "";
    private bool _sending;
    private long? _downSince;
    private string? _problem;

    public void Add(string address, ImmutableArray<int> shards)
    {
        lock (_gate)
        {
            // Another address is another process, which may well be up.
            if (address != _address) _downSince = null;
            _address = address;
            if (_downSince is { } since && time.GetElapsedTime(since) < timeout)
            {
                TransportMetrics.HintDropped();
                return;
            }
            _waiting.UnionWith(shards);
            if (_sending || _waiting.Count == 0) return;
            _sending = true;
        }
        // Not here: beginning to send is work, and whoever hints is the core's loop.
        _ = Task.Run(SendAll);
    }

    private async Task SendAll()
    {
        while (true)
        {
            int[] shards;
            string address;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _sending = false;
                    return;
                }
                shards = [.. _waiting];
                address = _address;
                _waiting.Clear();
            }
            string? problem = null;
            try
            {
                using var limit = new CancellationTokenSource(timeout, time);
                await send(node, address, shards, limit.Token).ConfigureAwait(false);
                TransportMetrics.HintSent();
            }
            catch (OperationCanceledException)
            {
                problem = $"no answer within {timeout.TotalSeconds:0.###} s";
            }
            // Whatever it was, the line must not stay in the state of sending.
            catch (Exception e)
            {
                problem = e.Message;
            }
            lock (_gate)
            {
                // Once for a problem that lasts.
                if (problem is not null && problem != _problem) TransportLog.HintsDropped(log, node, problem);
                _problem = problem;
                if (problem is null || address != _address) continue;
                _downSince = time.GetTimestamp();
                _waiting.Clear();
            }
            TransportMetrics.HintDropped();
        }
    }
}

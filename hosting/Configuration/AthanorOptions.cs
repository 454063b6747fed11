using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;

namespace Athanor.Hosting.Configuration;

/// <summary>
/// All settings, as <c>cluster.hocon</c> at the root of the repository explains them: the default, the unit, and the failure that each
/// guards against. <c>SnapshotEvery</c> of <see cref="EntityOptions"/> is the key <c>athanor.entities.snapshot-every</c>, and so on;
/// sizes end in Bytes here and not there. The defaults here and in <c>cluster.hocon</c> are the same (a test compares them).
/// Made by <see cref="ClusterConfiguration.Load"/>; frozen from then on.
/// </summary>
public sealed record AthanorOptions
{
    /// <summary>Where the embedded cluster lives: journal, blobs, keys, socket and lock.</summary>
    public string StateDirectory { get; init; } = "state";

    /// <summary>Where keys and certificates lie; empty is <c>keys</c> in the state directory.</summary>
    public string KeysDirectory { get; init; } = "";

    public NodeOptions Node { get; init; } = new();

    public StoreOptions Store { get; init; } = new();

    public ShardOptions Shards { get; init; } = new();

    public EntityOptions Entities { get; init; } = new();

    public MailboxOptions Mailbox { get; init; } = new();

    public CommitOptions Commit { get; init; } = new();

    public IdempotencyOptions Idempotency { get; init; } = new();

    public MessageOptions Messages { get; init; } = new();

    public ComputeOptions Compute { get; init; } = new();

    public WorkOptions Work { get; init; } = new();

    public SlotOptions Slots { get; init; } = new();

    public TorchOptions Torch { get; init; } = new();

    public BlobOptions Blobs { get; init; } = new();

    public RetentionOptions Retention { get; init; } = new();

    public FeedOptions Feeds { get; init; } = new();

    public VerificationOptions Verification { get; init; } = new();

    public TransportOptions Transport { get; init; } = new();

    public GatewayOptions Gateway { get; init; } = new();

    public AccessOptions Access { get; init; } = new();

    public ClientOptions Client { get; init; } = new();

    public IngestOptions Ingest { get; init; } = new();

    public TelemetryOptions Telemetry { get; init; } = new();
}

public sealed record NodeOptions
{
    /// <summary>Unique in the cluster, the same after a restart.</summary>
    public string Name { get; init; } = "embedded";

    public ImmutableArray<string> Roles { get; init; } = ["shards", "compute", "gateway"];

    /// <summary>How long a node that was told to stop waits for its commits and slots.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(20);
}

public sealed record StoreOptions
{
    /// <summary><c>sqlite</c> in the state directory, or <c>postgres</c> for a cluster of several nodes.</summary>
    [AllowedValues("sqlite", "postgres")]
    public string Kind { get; init; } = "sqlite";

    public PostgresOptions Postgres { get; init; } = new();

    /// <summary>Largest size of the database; a commit beyond it is refused as a full disk is.</summary>
    public long MaxSizeBytes { get; init; } = 16L << 30;

    /// <summary>How long a store call may take before its outcome counts as unknown.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Wait before a store call that failed is made again; doubles up to 32 times this.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(200);
}

public sealed record ShardOptions
{
    /// <summary>Recorded when a store is created, and fixed from then on.</summary>
    [Range(1, 4096)]
    public int Count { get; init; } = 16;

    /// <summary>Length of node and shard leases by the store's clock.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>How long before its lease may end a node falls silent by its own clock.</summary>
    public TimeSpan LeaseMargin { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often ownership is read.</summary>
    public TimeSpan ViewEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Shards move between live nodes only after their set has been the same for so long.</summary>
    public TimeSpan MoveDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most shards handed over at one time, as a share of all in (0, 1]; at least one shard.</summary>
    [Range(0.0, 1.0)]
    public double MoveShare { get; init; } = 0.1;

    /// <summary>A node whose clock is further from the store's says so.</summary>
    public TimeSpan SkewWarning { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A node whose clock is further from the store's takes no part.</summary>
    public TimeSpan SkewLimit { get; init; } = TimeSpan.FromSeconds(10);
}

public sealed record EntityOptions
{
    /// <summary>Events between snapshots, 1 to 1000.</summary>
    [Range(1, 1000)]
    public int SnapshotEvery { get; init; } = 1000;

    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Entities in memory; beyond it the least recently used idle ones are passivated.</summary>
    [Range(1, 100_000_000)]
    public int MaxActive { get; init; } = 10_000;

    /// <summary>Entities read from the journal at one time.</summary>
    [Range(1, 100_000)]
    public int MaxRecovering { get; init; } = 64;

    /// <summary>Attempts at a message before it is parked.</summary>
    [Range(1, 100)]
    public int Attempts { get; init; } = 3;

    /// <summary>Wait before the second attempt; doubles with each.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>An ask without an own time-out is answered with a diagnosis after this.</summary>
    public TimeSpan AskTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

public sealed record MailboxOptions
{
    /// <summary>How often mailboxes are read without a hint.</summary>
    public TimeSpan PollEvery { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Rows read at one time for a shard.</summary>
    [Range(1, 100_000)]
    public int Page { get; init; } = 256;

    /// <summary>Rows of a shard held in memory; more wait in the store.</summary>
    [Range(1, 10_000_000)]
    public int InMemory { get; init; } = 8192;

    /// <summary>Depth of a shard's mailbox at which the gateway answers 429.</summary>
    [Range(1, 1_000_000_000)]
    public int ThrottleAt { get; init; } = 50_000;
}

public sealed record CommitOptions
{
    /// <summary>Commits in flight at one time, 1 to 4; a shard always goes through the same one.</summary>
    [Range(1, 4)]
    public int Writers { get; init; } = 1;

    /// <summary>Messages in one shard's batch.</summary>
    [Range(1, 100_000)]
    public int BatchMessages { get; init; } = 1000;
}

public sealed record IdempotencyOptions
{
    /// <summary>Replies are kept, and keys accepted, for so long by the store's clock.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How far a key's time may be ahead of the store's clock.</summary>
    public TimeSpan MaxAhead { get; init; } = TimeSpan.FromMinutes(10);
}

public sealed record MessageOptions
{
    /// <summary>Largest body of a message or event; more goes into a blob.</summary>
    [Range(1024, 16 << 20)]
    public int MaxBytes { get; init; } = 64 << 10;
}

public sealed record ComputeOptions
{
    /// <summary>Threads for Compute; 0 is one for each processor.</summary>
    [Range(0, 4096)]
    public int Threads { get; init; }

    /// <summary>Most calls of one kind in one batch.</summary>
    [Range(1, 100_000)]
    public int MaxBatch { get; init; } = 256;
}

public sealed record WorkOptions
{
    /// <summary>Shares of tenants in every pool of slots, as whole numbers; a tenant that is not listed has 1.</summary>
    public ImmutableSortedDictionary<string, int> Tenants { get; init; } = ImmutableSortedDictionary<string, int>.Empty;

    /// <summary>Waiting for so long is worth one step of priority.</summary>
    public TimeSpan Aging { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a gang keeps slots while it gathers.</summary>
    public TimeSpan Gather { get; init; } = TimeSpan.FromSeconds(60);

    internal Stores.WorkPolicy Policy => new(Tenants, Aging, Gather);
}

public sealed record SlotOptions
{
    /// <summary>Slots of this node by pool (<c>cpu</c>, <c>cuda</c>).</summary>
    public ImmutableSortedDictionary<string, PoolOptions> Pools { get; init; } =
        ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions());

    /// <summary>Length of a lease on work by the store's clock.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often free slots look for work without a hint.</summary>
    public TimeSpan PollEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A slot that has said nothing for so long hangs, and is killed.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a slot that was told to stop has before it is killed.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Deaths in a row after which an item is parked.</summary>
    [Range(1, 100)]
    public int MaxDeaths { get; init; } = 3;
}

public sealed record PoolOptions
{
    /// <summary>Slots in the pool; 0 is one for each processor.</summary>
    [Range(0, 4096)]
    public int Count { get; init; }

    /// <summary>A slot whose resident memory passes it is killed.</summary>
    public long MemoryLimitBytes { get; init; } = 4L << 30;

    /// <summary>Threads for the numerics of one slot.</summary>
    [Range(1, 4096)]
    public int Threads { get; init; } = 1;
}

public sealed record TorchOptions
{
    /// <summary><c>cpu</c> or <c>cuda</c>, with a number for one of several: <c>cuda:1</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>The shim's file; empty looks beside the program and in artifacts/native.</summary>
    public string Library { get; init; } = "";

    /// <summary>Most memory of its device that one slot's tensors may hold together; 0 for any.</summary>
    public long MemoryLimitBytes { get; init; }
}

public sealed record BlobOptions
{
    /// <summary><c>directory</c>, <c>s3</c> or <c>database</c>.</summary>
    [AllowedValues("directory", "s3", "database")]
    public string Kind { get; init; } = "directory";

    /// <summary>Where they lie as files; empty is the state directory. Nodes may share one.</summary>
    public string Directory { get; init; } = "";

    public S3Options S3 { get; init; } = new();

    [Range(4096, 256 << 20)]
    public int ChunkBytes { get; init; } = 1 << 20;

    /// <summary>Largest blob.</summary>
    public long MaxBytes { get; init; } = 4L << 30;

    /// <summary>A blob that nothing names is left alone for so long, and kept in the trash for as long again.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How often blobs that nothing names are looked for.</summary>
    public TimeSpan CollectEvery { get; init; } = TimeSpan.FromHours(6);
}

public sealed record S3Options
{
    /// <summary>URL of an S3-compatible server.</summary>
    public string Endpoint { get; init; } = "";

    public string Region { get; init; } = "us-east-1";

    public string Bucket { get; init; } = "";

    /// <summary>Before every key, such as <c>athanor/</c>.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>A file with the access key on its first line and the secret key on its second; empty takes them from the
    /// environment.</summary>
    public string CredentialsFile { get; init; } = "";

    /// <summary>How long one call may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);
}

public sealed record GatewayOptions
{
    /// <summary>Address to listen on.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>Port to listen on; 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; init; } = 7443;

    /// <summary>Certificate in PEM, with its chain; empty has one made, which clients pin.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>The certificate's private key in PEM; empty if it is in the same file.</summary>
    public string Key { get; init; } = "";

    /// <summary>Requests of one principal in a second; more are answered with 429.</summary>
    [Range(1, 1_000_000)]
    public int RequestsPerSecond { get; init; } = 2000;

    /// <summary>Largest request body.</summary>
    public long MaxRequestBytes { get; init; } = 16L << 20;

    /// <summary>What one peer may upload in a day.</summary>
    public long PeerQuotaBytes { get; init; } = 1L << 30;

    /// <summary>Length of a peer's lease on work.</summary>
    public TimeSpan PeerLease { get; init; } = TimeSpan.FromSeconds(30);
}

public sealed record AccessOptions
{
    /// <summary>What somebody without credentials may do, over the loopback address alone.</summary>
    [AllowedValues("none", "view", "operate", "train", "administer")]
    public string Anonymous { get; init; } = "none";

    /// <summary>The access list; empty for <c>keys/access.json</c> in the state directory.</summary>
    public string List { get; init; } = "";

    /// <summary>PEM file of the authority of client certificates; empty takes those that the access list names.</summary>
    public string ClientAuthority { get; init; } = "";

    public TokenOptions Tokens { get; init; } = new();
}

public sealed record TokenOptions
{
    /// <summary>An issuer beside this cluster itself; empty for none.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>That issuer's public keys: a JSON Web Key Set or PEM.</summary>
    public string Keys { get; init; } = "";

    /// <summary>The audience that a token must be for.</summary>
    public string Audience { get; init; } = "athanor";

    /// <summary>How far issuers' clocks may be off.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest life that a token may have left.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromHours(24);
}

public sealed record TelemetryOptions
{
    /// <summary>Where traces and metrics go by OTLP; empty sends none.</summary>
    public string OtlpEndpoint { get; init; } = "";

    /// <summary>Share of traces that are kept, in [0, 1].</summary>
    [Range(0.0, 1.0)]
    public double SampleShare { get; init; } = 1;

    /// <summary><c>trace</c>, <c>debug</c>, <c>information</c>, <c>warning</c>, <c>error</c>.</summary>
    [AllowedValues("trace", "debug", "information", "warning", "error")]
    public string LogLevel { get; init; } = "information";
}

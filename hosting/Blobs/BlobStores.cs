using Athanor.Hosting.Blobs.Database;
using Athanor.Hosting.Blobs.S3;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores.Postgres;
using Npgsql;

namespace Athanor.Hosting.Blobs;

/// <summary>Opens the blobs that the configuration names.</summary>
public static class BlobStores
{
    /// <param name="directory">Where they lie if no directory is configured; a database of their own lies beside it.</param>
    /// <param name="postgres">The cluster's database; null where the journal is embedded.</param>
    /// <exception cref="ConfigurationException">Credentials are missing.</exception>
    public static IBlobStore Open(BlobOptions options, string directory, PostgresStoreOptions? postgres, TimeProvider time) => options.Kind switch
    {
        "s3" => Over(new S3Objects(options.S3, S3CredentialSource.Read(options.S3, Environment.GetEnvironmentVariable), time), options),
        "database" when postgres is not null => Over(new PostgresObjects(SourceOf(postgres)), options),
        "database" => Over(new SqliteObjects(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(directory))!, "blobs.db"), time), options),
        _ => new DirectoryBlobStore(options.Directory == "" ? directory : options.Directory, time, options.ChunkBytes),
    };

    private static NpgsqlDataSource SourceOf(PostgresStoreOptions options)
    {
        var connection = new NpgsqlConnectionStringBuilder(options.Connection) { ApplicationName = "athanor blobs", MaxPoolSize = 4 };
        if (options.PasswordFile is { Length: > 0 }) connection.Password = null;
        var builder = new NpgsqlDataSourceBuilder(connection.ConnectionString);
        // Read at each connection, so that it may be changed while nodes run.
        if (options.PasswordFile is { Length: > 0 } file)
        {
            builder.UsePasswordProvider(
                _ => File.ReadLines(file).First().Trim(),
                async (_, cancellation) => (await File.ReadAllLinesAsync(file, cancellation).ConfigureAwait(false))[0].Trim());
        }
        return connection.Host?.Contains(',', StringComparison.Ordinal) == true
            ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.ReadWrite)
            : builder.Build();
    }

    /// <summary>A row holds at most 1 MiB, whatever the chunks of other kinds are.</summary>
    private static ObjectBlobStore Over(IBlobObjects objects, BlobOptions options) => new(
        objects, objects is S3Objects ? options.ChunkBytes : Math.Min(options.ChunkBytes, 1 << 20), options.MaxBytes, options.Grace);
}

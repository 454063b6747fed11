using System.Diagnostics;

namespace Athanor.Compute.Tests.Kernels;

public sealed class InstructionSetTests
{
    [Theory]
    [InlineData("the runtime's default", 512)]
    [InlineData("AVX-512 off", 256, "EnableAVX512F", "EnableAVX512")]
    [InlineData("AVX2 off", 128, "EnableAVX512F", "EnableAVX512", "EnableAVX2", "EnableAVX")]
    [InlineData("no intrinsics", 0, "EnableHWIntrinsic")]
    public async Task The_kernels_give_the_same_bits_at_every_vector_width(string name, int widest, params string[] off)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } p && Path.GetFileNameWithoutExtension(p) == "dotnet" ? p : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "exec", typeof(InstructionSetTests).Assembly.Location },
            Environment = { [KernelHashes.Variable] = "1" },
        };
        foreach (var flag in off) start.Environment["DOTNET_" + flag] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{name}: exit code {process.ExitCode}: {await errors}");

        // That a flag took effect is shown by the width that the child saw; on other machines it can only be narrower.
        var width = int.Parse(lines[0]["width ".Length..], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(width, 0, widest);
        Assert.Equal(KernelHashes.All(), lines[1..]);
    }
}

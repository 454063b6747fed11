using System.Diagnostics;
using System.Globalization;

namespace Athanor.Bench.Actors;

/// <summary>The baseline of a hop: ping-pong on the reference engine of actors.</summary>
internal sealed class Erlang
{
    private const string Source = """
        -module(pingpong).
        -export([main/3]).

        main(Kind, Pairs, Hops) ->
            Parent = self(),
            Started = [start(Kind, Parent) || _ <- lists:seq(1, Pairs)],
            From = erlang:monotonic_time(microsecond),
            [Ann ! {serve, Bob, Hops} || {Ann, Bob} <- Started],
            [receive done -> ok end || _ <- Started],
            Taken = erlang:monotonic_time(microsecond) - From,
            io:format("~p~n", [Hops * Pairs * 1000000 div Taken]),
            halt().

        start(plain, Parent) -> {spawn(fun() -> plain(Parent) end), spawn(fun() -> plain(Parent) end)};
        start(full, Parent) -> {spawn(fun() -> full(Parent) end), spawn(fun() -> full(Parent) end)}.

        plain(Parent) ->
            receive
                {serve, To, Hops} -> To ! {self(), Hops - 1}, plain(Parent);
                {_, 0} -> Parent ! done, plain(Parent);
                {From, Left} -> From ! {self(), Left - 1}, plain(Parent)
            end.

        full(Parent) ->
            receive
                {serve, To, Hops} ->
                    To ! {ball, {<<"default">>, <<"bench">>, <<"bob-1">>}, self(), <<"bench">>,
                          <<"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01">>, Hops - 1},
                    full(Parent);
                {ball, _, _, _, _, 0} -> Parent ! done, full(Parent);
                {ball, Address, From, Principal, Trace, Left} ->
                    From ! {ball, Address, self(), Principal, Trace, Left - 1}, full(Parent)
            end.
        """;

    private readonly string _folder;

    public Erlang(string folder)
    {
        _folder = folder;
        File.WriteAllText(Path.Combine(folder, "pingpong.erl"), Source);
        try
        {
            Call("erlc", "pingpong.erl");
            IsHere = true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            IsHere = false;
        }
    }

    public bool IsHere { get; }

    /// <returns>Hops a second.</returns>
    public double Play(string kind, int pairs, long hops) => double.Parse(
        Call("erl", "-noshell", "-eval", $"pingpong:main({kind},{pairs},{hops})."), CultureInfo.InvariantCulture);

    private string Call(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {text}");
    }
}

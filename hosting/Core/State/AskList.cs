namespace Athanor.Hosting.Core.State;

/// <summary>Requests that wait equally long, so that the oldest is the next whose time is up. Linked through themselves: an answered one
/// leaves at once, and nothing of it is kept until its time would have been up.</summary>
internal sealed class AskList
{
    private Ask? _newest;

    public Ask? Oldest { get; private set; }

    public void Add(Ask ask)
    {
        ask.Older = _newest;
        if (_newest is null) Oldest = ask;
        else _newest.Newer = ask;
        _newest = ask;
        ask.IsListed = true;
    }

    public void Remove(Ask ask)
    {
        if (!ask.IsListed) return;
        if (ask.Older is { } older) older.Newer = ask.Newer;
        else Oldest = ask.Newer;
        if (ask.Newer is { } newer) newer.Older = ask.Older;
        else _newest = ask.Older;
        (ask.Older, ask.Newer, ask.IsListed) = (null, null, false);
    }
}

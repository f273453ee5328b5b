/// Words that may stand for each other, and words that may not. One group or pair a line.
enum CitationThesaurus {
  static let synonyms = """
    show demonstrate reveal indicate illustrate display shown
    show prove establish confirm
    suggest imply indicate propose hint
    find discover identify detect found uncover reveal
    use employ utilize apply
    usage use application
    begin start commence initiate begun began
    end finish complete stop conclude terminate
    help aid assist support back
    examine investigate study analyze explore assess research
    investigation study analysis research
    evaluate assess measure test
    determine establish ascertain identify
    method approach technique procedure way
    important crucial key vital essential critical significant
    many numerous multiple several various
    often frequently commonly usually
    about approximately around roughly nearly circa almost
    increase rise grow elevate raise rose grew grown expand climb
    reduce decrease lower decline diminish lessen drop cut fall fell
    cause trigger induce produce provoke
    result outcome consequence
    lead result cause led
    require need demand
    main principal major primary chief
    fast rapid quick swift
    slow gradual
    obtain acquire get gain receive
    whole entire complete full total
    single one sole
    different distinct separate various
    similar comparable alike
    return yield give back
    give provide supply offer given
    create make generate produce build construct made built
    convert transform turn change translate
    change alter modify amend
    check verify test validate
    get retrieve fetch obtain
    remove delete drop erase eliminate
    add append insert
    see observe seen saw notice
    affect influence impact
    child kid children
    improve enhance better
    allow permit enable let
    near close beside next adjacent by
    mainly primarily mostly largely chiefly predominantly
    fully entirely completely totally wholly
    buy purchase acquire bought
    sell sold
    total overall sum aggregate
    amount quantity sum number
    earnings profit income
    job position post work employment
    work labor labour
    attempt try
    try effort
    fight battle combat
    choose select pick chosen chose
    contain include comprise hold have
    consist comprise
    report describe state
    locate situate place position
    role function part
    novel new
    people person individual human
    man men
    woman women
    illness disease disorder condition
    doctor physician
    therapy treatment
    risk danger hazard
    likely probable
    identify recognize
    maintain preserve keep retain kept
    store save keep hold stored
    write wrote written
    read load
    big large huge
    small little tiny
    fix repair mend
    error mistake fault bug
    car vehicle automobile
    company firm business corporation
    country nation
    country state
    happen occur
    occur take place
    go went gone
    live reside
    die death dead
    kill destroy
    think believe consider
    suppose assume
    know understand
    call name term
    speak talk
    ask request
    answer reply respond
    explain clarify
    mean signify
    link connect join associate relate
    associate correlate
    bind attach
    split divide separate
    merge combine join unite
    compare contrast
    differ vary
    encourage promote foster
    block inhibit prevent suppress
    activate stimulate
    regulate control
    modulate regulate
    protect guard defend
    attack assault
    fast quickly
    correct right accurate
    wrong incorrect
    enough sufficient adequate
    hard difficult
    easy simple
    first initial
    last final
    rare uncommon
    common frequent widespread
    possible potential
    recent new
    old aged elderly
    young youthful
    strong powerful robust
    besides additionally furthermore moreover
    nevertheless nonetheless still
    file document
    folder directory
    argument parameter
    function routine
    list array
    string text
    movie film
    money fund cash
    price cost expense
    tax levy
    pay paid payment
    spend spent expend
    plan intend
    goal aim objective target purpose
    area region zone
    site place location
    level amount concentration
    rate speed
    period time
    annually yearly
    per each
    american americans US
    """

  static let antonyms = """
    increase rise grow raise higher elevate expand gain greater stimulate promote enhance induce|decrease fall reduce lower decline drop diminish shrink cut lose fewer less inhibit suppress block impair
    high|low
    great greater large larger big more most|small smaller less least fewer few
    many|few
    more|less fewer
    before prior earlier|after later following
    early earlier|late later
    activate activation stimulate|inhibit inhibition suppress repress block deactivate
    promote enhance induce encourage cause|suppress inhibit prevent impair hinder reduce block
    positive|negative
    presence present|absence absent
    long longer|short shorter
    first|last second
    start begin open|end finish close stop
    maximum max maximal|minimum min minimal
    upper|lower
    above over|below under
    gain|loss lose
    success succeed|failure fail
    benefit beneficial help|harm harmful detrimental damage
    advantage|disadvantage
    normal|abnormal
    male man men|female woman women
    internal inner inside|external outer outside
    true|false
    open|close shut
    add insert include|remove delete exclude subtract
    improve|worsen deteriorate
    strong stronger|weak weaker
    accept|reject refuse
    allow permit enable|forbid prevent disallow prohibit disable
    include|exclude
    common frequent|rare uncommon
    fast rapid quick|slow
    best|worst
    better|worse
    old older|young younger new
    upregulate|downregulate
    up|down
    left|right
    win won|lose lost
    majority most|minority few
    asset|liability
    income revenue profit|expense cost loss
    buy purchase bought|sell sold
    acute|chronic
    same similar identical|different opposite
    all always every|none never
    with|without
    domestic|foreign
    even|odd
    hot warm|cold cool
    light|dark heavy
    full|empty
    hard difficult|easy simple
    public|private
    import|export
    input|output
    read|write
    encode|decode
    encrypt|decrypt
    push|pull
    north|south
    east|west
    ancestor parent|descendant child
    primary|secondary
    systolic|diastolic
    benign|malignant
    hyper|hypo
    healthy|ill sick
    alive|dead
    complete whole|partial
    necessary|unnecessary optional
    required|optional
    favor|oppose
    agree|disagree
    recognize|ignore
    sensitive|resistant
    susceptible|resistant
    direct|indirect
    dependent|independent
    sync synchronous|async asynchronous
    lock|unlock
    valid|invalid
    efficient|inefficient
    effective|ineffective
    active|inactive
    sufficient|insufficient
    adequate|inadequate
    possible|impossible
    regular|irregular
    mature|immature
    correct|incorrect
    consistent|inconsistent
    visible|invisible
    mutable|immutable
    accurate|inaccurate
    accessible|inaccessible
    complete|incomplete
    """
}
